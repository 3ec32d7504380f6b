"""`./dev bench`: faust-cdc, Debezium, a naive stack and the limits of the machine, on the same binlog, side by side."""
