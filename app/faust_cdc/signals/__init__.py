"""What a running connector is asked, and by which ways it is asked: a table, a topic, a file, REST."""
