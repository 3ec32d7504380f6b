"""Where the source is: connection, TLS, server id, topic prefix (group MySQL).

Names, types, defaults, groups, order and texts are those of the recorded answer of a real Connect 4.3.1
with Debezium 3.6.1.Final, in its order; a test compares.
"""

from __future__ import annotations

from faust_cdc.config.checks import between, hostname, pem_file, topic_name
from faust_cdc.config.options import USED, Importance, Option, Type, Width, limited, noted

OPTIONS: tuple[Option, ...] = (
    Option(
        "topic.prefix",
        Type.STRING,
        None,
        Importance.HIGH,
        "MySQL",
        1,
        Width.MEDIUM,
        "Topic prefix",
        (
            "Topic prefix that identifies and provides a namespace for the particular database "
            "server/cluster is capturing changes. The topic prefix should be unique across all "
            "other connectors, since it is used as a prefix for all Kafka topic names that receive "
            "events emitted by this connector. Only alphanumeric characters, hyphens, dots and "
            "underscores must be accepted."
        ),
        USED,
        required_by_debezium=True,
        checks=(topic_name,),
    ),
    Option(
        "database.hostname",
        Type.STRING,
        None,
        Importance.HIGH,
        "MySQL",
        2,
        Width.MEDIUM,
        "Hostname",
        "Resolvable hostname or IP address of the database server.",
        USED,
        required_by_debezium=True,
        checks=(hostname,),
    ),
    Option(
        "database.port",
        Type.INT,
        "3306",
        Importance.HIGH,
        "MySQL",
        3,
        Width.SHORT,
        "Port",
        "Port of the database server.",
        USED,
        checks=(between(1, 65535),),
    ),
    Option(
        "database.user",
        Type.STRING,
        None,
        Importance.HIGH,
        "MySQL",
        4,
        Width.SHORT,
        "User",
        "Name of the database user to be used when connecting to the database.",
        USED,
        required_by_debezium=True,
    ),
    Option(
        "database.password",
        Type.PASSWORD,
        None,
        Importance.HIGH,
        "MySQL",
        5,
        Width.SHORT,
        "Password",
        "Password of the database user to be used when connecting to the database.",
        USED,
    ),
    Option(
        "database.query.timeout.ms",
        Type.INT,
        "600000",
        Importance.LOW,
        "MySQL",
        6,
        Width.NONE,
        "Query timeout",
        (
            "Time to wait for a query to execute, given in milliseconds. Defaults to 600 seconds "
            "(600,000 ms); zero means there is no limit."
        ),
        USED,
    ),
    Option(
        "database.initial.statements",
        Type.STRING,
        None,
        Importance.LOW,
        "MySQL",
        7,
        Width.LONG,
        "Initial statements",
        (
            "A semicolon separated list of SQL statements to be executed when a JDBC connection "
            "(not binlog reading connection) to the database is established. Note that the "
            "connector may establish JDBC connections at its own discretion, so this should "
            "typically be used for configuration of session parameters only, but not for executing "
            "DML statements. Use doubled semicolon (';;') to use a semicolon as a character and "
            "not as a delimiter."
        ),
        limited("statements at the start of a session are not in this version"),
    ),
    Option(
        "database.server.id",
        Type.LONG,
        None,
        Importance.HIGH,
        "MySQL",
        8,
        Width.LONG,
        "Cluster ID",
        (
            "A numeric ID of this database client, which must be unique across all "
            "currently-running database processes in the cluster. This connector joins the "
            "database cluster as another server (with this unique ID) so it can read the binlog."
        ),
        USED,
        required_by_debezium=True,
        checks=(between(1, 4294967295),),
    ),
    Option(
        "database.server.id.offset",
        Type.LONG,
        "10000",
        Importance.HIGH,
        "MySQL",
        9,
        Width.LONG,
        "Cluster ID offset",
        (
            "Only relevant if parallel snapshotting is configured. During parallel snapshotting, "
            "multiple (4) connections open to the database client, and they each need their own "
            "unique connection ID. This offset is used to generate those IDs from the base "
            "configured cluster ID."
        ),
        noted("nothing reads it in Debezium either"),
    ),
    Option(
        "database.ssl.keystore",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "MySQL",
        10,
        Width.LONG,
        "SSL Keystore",
        (
            "The location of the key store file. This is optional and can be used for two-way "
            "authentication between the client and the database."
        ),
        limited("client certificates are not in this version"),
    ),
    Option(
        "database.ssl.keystore.password",
        Type.PASSWORD,
        None,
        Importance.MEDIUM,
        "MySQL",
        11,
        Width.MEDIUM,
        "SSL Keystore Password",
        (
            "The password for the key store file. This is optional and only needed if "
            "'database.ssl.keystore' is configured."
        ),
        limited("client certificates are not in this version"),
    ),
    Option(
        "database.ssl.truststore",
        Type.STRING,
        None,
        Importance.MEDIUM,
        "MySQL",
        12,
        Width.LONG,
        "SSL Truststore",
        "The location of the trust store file for the server certificate verification.",
        USED,
        checks=(pem_file,),
    ),
    Option(
        "database.ssl.truststore.password",
        Type.PASSWORD,
        None,
        Importance.MEDIUM,
        "MySQL",
        13,
        Width.MEDIUM,
        "SSL Truststore Password",
        (
            "The password for the trust store file. Used to check the integrity of the truststore, "
            "and unlock the truststore."
        ),
        noted("a PEM file of certificates has no password"),
    ),
    Option(
        "database.jdbc.driver",
        Type.CLASS,
        "com.mysql.cj.jdbc.Driver",
        Importance.LOW,
        "MySQL",
        14,
        Width.MEDIUM,
        "JDBC Driver Class Name",
        "JDBC Driver class name used to connect to the MySQL database server.",
        noted("there is no JVM here, so no JDBC driver"),
        mysql_only=True,
    ),
    Option(
        "database.protocol",
        Type.STRING,
        "jdbc:mysql",
        Importance.LOW,
        "MySQL",
        15,
        Width.MEDIUM,
        "JDBC Protocol",
        "JDBC protocol to use with the driver.",
        noted("there is no JVM here, so no JDBC driver"),
        mysql_only=True,
    ),
    Option(
        "database.ssl.mode",
        Type.STRING,
        "preferred",
        Importance.MEDIUM,
        "MySQL",
        16,
        Width.MEDIUM,
        "SSL mode",
        (
            "Whether to use an encrypted connection to the database. Options include: 'disabled' "
            "to use an unencrypted connection; 'preferred' (the default) to establish a secure "
            "(encrypted) connection if the server supports secure connections, but fall back to an "
            "unencrypted connection otherwise; 'required' to use a secure (encrypted) connection, "
            "and fail if one cannot be established; 'verify_ca' like 'required' but additionally "
            "verify the server TLS certificate against the configured Certificate Authority (CA) "
            "certificates, or fail if no valid matching CA certificates are found; or "
            "'verify_identity' like 'verify_ca' but additionally verify that the server "
            "certificate matches the host to which the connection is attempted."
        ),
        USED,
        recommended=("verify_identity", "disabled", "preferred", "required", "verify_ca"),
        legal=("disabled", "preferred", "required", "verify_ca", "verify_identity"),
        mariadb={
            "default": "disable",
            "recommended": ("disable", "trust", "verify-ca", "verify-full"),
            "legal": ("disable", "trust", "verify-ca", "verify-full"),
        },
    ),
)
"""In the order in which `validate` lists them."""
