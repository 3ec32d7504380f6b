"""The long forms of tests that are short in CI: `./dev soak`."""
