"""MySQL and MariaDB as servers: positions, connections, what must hold before capture, table structures."""

from faust_cdc.mysql.late_rsa import import_pymysql

import_pymysql()
