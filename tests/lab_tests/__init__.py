"""The lab tests itself: a harness that errs makes every other test worthless."""
