"""The binlog layer: packets from the server, events from packets..

Raw packets → header, checksum → typed `BinlogEvent`s. Anything unknown or broken is a `BinlogCorrupt` with its
position; nothing is skipped in silence.
"""

from faust_cdc.mysql.late_rsa import import_pymysql

import_pymysql()
