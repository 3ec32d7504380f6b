"""MySQL and MariaDB as servers: positions, connections, what must hold before capture, table structures."""
