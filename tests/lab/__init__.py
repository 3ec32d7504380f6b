"""Real servers for tests, the demo and benchmarks: installed once into a cache, stopped by whoever started them.

Nothing here needs root once the packages are in the cache (apt is only asked when a program is missing), nothing needs
Docker, and nothing outlives the process that started it: every server is told by the kernel to die with its parent.
"""

from tests.lab.kafka_servers import Apicurio, ConnectWorker, KafkaBroker, Tansu
from tests.lab.process import LabError, LabProcess
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer

__all__ = [
    "Apicurio",
    "ConnectWorker",
    "KafkaBroker",
    "LabError",
    "LabProcess",
    "MariaDbServer",
    "MySqlServer",
    "SqlServer",
    "Tansu",
]
