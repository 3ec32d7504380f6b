import java.io.*;
import java.math.*;
import java.time.*;
import java.util.*;

/** Prints serialised Object[]s, one a line: name, hex of the bytes, as Debezium keeps keys of incremental snapshots. */
public class MakeKeys {
    static void show(String name, Object... values) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(values);
        }
        System.out.println(name + " " + HexFormat.of().formatHex(bytes.toByteArray()));
    }

    public static void main(String[] args) throws IOException {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        show("null", (Object[]) null);
        show("empty");
        show("nulls", null, null);
        show("bytes", (byte) -128, (byte) 127);
        show("shorts", (short) -32768, (short) 32767);
        show("integers", 101, -1, Integer.MIN_VALUE, Integer.MAX_VALUE);
        show("longs", 0L, Long.MIN_VALUE, Long.MAX_VALUE);
        show("mixed", 1, 2L, "x", 3);
        show("floats", 1.5f, -0.0f);
        show("doubles", 0.1d, -1e300d);
        show("booleans", true, false);
        show("strings", "", "héllo €", "\0x", "😀", "a'b\\c");
        String twice = "twice";
        show("repeated", twice, twice);
        char[] many = new char[70000];
        Arrays.fill(many, 'z');
        show("long-string", new String(many));
        show("binary", new byte[] {}, new byte[] {0, (byte) 255, 1}, new byte[300]);
        show("big-integers", BigInteger.ZERO, BigInteger.ONE, new BigInteger("-1"), new BigInteger("18446744073709551615"),
            new BigInteger("-170141183460469231731687303715884105728"));
        show("big-decimals", new BigDecimal("0"), new BigDecimal("0.00"), new BigDecimal("-123.450"), new BigDecimal("18446744073709551615"),
            new BigDecimal("99999999999999999999999999999999999.999999999999999999999999999999"));
        show("sql-dates", new java.sql.Date(0), java.sql.Date.valueOf("2024-02-29"), new java.sql.Date(-86400000L));
        show("sql-times", new java.sql.Time(0), new java.sql.Time(45296000));
        java.sql.Timestamp stamp = new java.sql.Timestamp(1709210096000L);
        stamp.setNanos(123456000);
        show("sql-timestamps", new java.sql.Timestamp(0), stamp, new java.sql.Timestamp(-1000));
        show("local-dates", LocalDate.of(2024, 2, 29), LocalDate.of(1, 1, 1), LocalDate.of(9999, 12, 31));
        show("local-times", LocalTime.of(0, 0), LocalTime.of(23, 0), LocalTime.of(12, 34), LocalTime.of(12, 34, 56),
            LocalTime.of(12, 34, 56, 123456000), LocalTime.of(0, 0, 0, 1000));
        show("local-date-times", LocalDateTime.of(2024, 2, 29, 0, 0), LocalDateTime.of(2024, 2, 29, 12, 34, 56, 123456000));
        show("durations", Duration.ZERO, Duration.ofSeconds(-3020399, 1000), Duration.ofSeconds(45296));
        show("instants", Instant.EPOCH, Instant.ofEpochSecond(1709210096, 123456000), Instant.ofEpochSecond(-1));
        show("pair", "x", 101);
        show("everything", 1, 2L, new BigDecimal("3.0"), new BigInteger("4"), new byte[] {5}, LocalDate.of(2024, 1, 1),
            new java.sql.Date(0), Instant.EPOCH, new BigDecimal("6"));
    }
}
