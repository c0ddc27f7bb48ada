package io.bolina.registry.consul;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;

/**
 * The list that is an answer of Consul's, read while it arrives. Whatever shape an entry has, it is
 * read to its end and the next one is found: what is not asked for is skipped, and what is not of
 * the expected kind reads as nothing.
 */
final class Entries {
  private static final JsonFactory JSON = new JsonFactory();

  private final JsonParser json;
  private int count;

  /**
   * @throws ConsulFault if it is not a list
   * @throws IOException if it is not JSON, or cannot be received
   */
  Entries(InputStream in) throws IOException {
    json = JSON.createParser(in);
    if (json.nextToken() != JsonToken.START_ARRAY) {
      throw new ConsulFault("the answer is no list; is this Consul, or a proxy?");
    }
  }

  /** Reads one field or item, at which the entries stand. */
  @FunctionalInterface
  interface Step {
    void read(String field) throws IOException;
  }

  /** Goes to the next entry; false if there is none. */
  boolean next() throws IOException {
    JsonToken token = json.nextToken();
    if (token == JsonToken.END_ARRAY) {
      return false;
    }
    if (token == null) {
      throw new IOException("the answer ends in the middle");
    }
    count++;
    return true;
  }

  /** Entries so far. */
  int count() {
    return count;
  }

  /** Reads each field of the object here; skips what is no object. */
  void fields(Step step) throws IOException {
    if (json.currentToken() == JsonToken.START_OBJECT) {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        step.read(name);
        json.skipChildren();
      }
    } else {
      json.skipChildren();
    }
  }

  /** Reads each item of the list here; skips what is no list. */
  void items(Step step) throws IOException {
    if (json.currentToken() == JsonToken.START_ARRAY) {
      while (json.nextToken() != JsonToken.END_ARRAY) {
        step.read("");
        json.skipChildren();
      }
    } else {
      json.skipChildren();
    }
  }

  /** The text, number or truth value here; empty for anything else. */
  String text() throws IOException {
    String text = json.getValueAsString();
    return text == null ? "" : text;
  }

  /** The whole number here; 0 for anything else. */
  int number() throws IOException {
    return json.getValueAsInt(0);
  }
}
