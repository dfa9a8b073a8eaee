/* SPDX-License-Identifier: LGPL-2.1-or-later */
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.Stores;

/**
 * Sums the faces of each camera and minute of capture: reads events, writes a message
 * {"frames":N,"faces":N} with the key CAMERA@MINUTE whenever the sums change. The last message with
 * a key holds. A frame that was counted twice has the same _id, and counts once. The sums of all
 * minutes stay in memory and in their changelog: a week of 10 cameras is 100,000 of them.
 */
public class FacesPerMinute {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration MINUTE = Duration.ofMinutes(1);
  /* Frames from the spool of an edge come this late. */
  private static final Duration LATE = Duration.ofHours(1);

  /** Returns the event, or null: other messages are skipped. */
  static JsonNode parse(String text) {
    try {
      JsonNode event = JSON.readTree(text);

      return event != null && event.hasNonNull("_id") && event.path("faces").isInt() ? event : null;
    } catch (JsonProcessingException e) {
      System.err.println("skipped a message that is no event: " + e.getOriginalMessage());
      return null;
    }
  }

  /* Kafka's timestamp of an event is the time of capture, so the windows are minutes of capture. */
  static String minuteOf(Windowed<String> id, String camera) {
    return camera + "@" + Instant.ofEpochMilli(id.window().start());
  }

  /** Returns the sums of "FRAMES FACES" and one frame more or less. */
  static String add(String sums, int frames, String faces) {
    String[] parts = sums.split(" ");

    return (Integer.parseInt(parts[0]) + frames)
        + " "
        + (Integer.parseInt(parts[1]) + frames * Integer.parseInt(faces));
  }

  static String toJson(String sums) {
    String[] parts = sums.split(" ");

    return "{\"frames\":" + parts[0] + ",\"faces\":" + parts[1] + "}";
  }

  static Topology topology(String from, String to) {
    StreamsBuilder builder = new StreamsBuilder();

    builder.stream(from, Consumed.with(Serdes.String(), Serdes.String()))
        .mapValues(FacesPerMinute::parse)
        .filter((key, event) -> event != null)
        .map((key, event) -> KeyValue.pair(
            event.get("_id").asText(),
            event.path("camera").asText("unknown") + " " + event.get("faces").asInt()))
        .groupByKey(Grouped.with(Serdes.String(), Serdes.String()))
        .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, LATE))
        .reduce((before, now) -> now,
            Materialized.<String, String>as(
                Stores.inMemoryWindowStore("frames", MINUTE.plus(LATE), MINUTE, false))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()))
        .groupBy((id, frame) -> {
              int end = frame.lastIndexOf(' ');
              return KeyValue.pair(minuteOf(id, frame.substring(0, end)), frame.substring(end + 1));
            }, Grouped.with(Serdes.String(), Serdes.String()))
        .aggregate(() -> "0 0",
            (minute, faces, sums) -> add(sums, 1, faces),
            (minute, faces, sums) -> add(sums, -1, faces),
            Materialized.<String, String>as(Stores.inMemoryKeyValueStore("minutes"))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()))
        .toStream()
        .mapValues(FacesPerMinute::toJson)
        .to(to, Produced.with(Serdes.String(), Serdes.String()));
    return builder.build();
  }

  public static void main(String[] args) {
    String from = args.length > 1 ? args[1] : "database";
    String to = args.length > 2 ? args[2] : "faces-per-minute";
    Properties settings = new Properties();
    KafkaStreams streams;

    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, to);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args.length > 0 ? args[0] : "localhost:9092");
    /* Without it a crash would add some frames twice. */
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    streams = new KafkaStreams(topology(from, to), settings);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    System.err.println("counting the faces of " + from + " into " + to);
  }
}
