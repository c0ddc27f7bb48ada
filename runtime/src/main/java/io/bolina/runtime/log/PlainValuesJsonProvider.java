package io.bolina.runtime.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import com.fasterxml.jackson.core.JsonGenerator;
import io.bolina.runtime.Printable;
import java.io.IOException;
import java.util.List;
import net.logstash.logback.composite.AbstractJsonProvider;
import org.slf4j.event.KeyValuePair;

/**
 * An event's keys and values: numbers and booleans as such, everything else as the text that the
 * text format shows. An object is never taken apart, since what it keeps from its text (an ACL
 * token) must not be in a log.
 */
final class PlainValuesJsonProvider extends AbstractJsonProvider<ILoggingEvent> {
  @Override
  public void writeTo(JsonGenerator generator, ILoggingEvent event) throws IOException {
    List<KeyValuePair> pairs = event.getKeyValuePairs();
    if (pairs == null) {
      return;
    }
    for (KeyValuePair pair : pairs) {
      generator.writeFieldName(pair.key);
      if (pair.value instanceof Number || pair.value instanceof Boolean) {
        generator.writeObject(pair.value);
      } else {
        generator.writeString(Printable.text(String.valueOf(pair.value)));
      }
    }
  }
}
