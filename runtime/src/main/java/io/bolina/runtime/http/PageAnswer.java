package io.bolina.runtime.http;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a page answers. */
public final class PageAnswer {
  private final int status;
  private final Map<String, String> headers;
  private final byte[] content;
  private final Runnable ended;

  private PageAnswer(int status, Map<String, String> headers, byte[] content, Runnable ended) {
    this.status = status;
    this.headers = headers;
    this.content = content;
    this.ended = ended;
  }

  /** 200 with a text. */
  public static PageAnswer text(String text) {
    return text(200, text);
  }

  /** A status with a text, which is the reason if it is an error. */
  public static PageAnswer text(int status, String text) {
    return of(status, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
  }

  /** 200 with JSON. */
  public static PageAnswer json(String json) {
    return json(json.getBytes(StandardCharsets.UTF_8));
  }

  /** The same, in UTF-8. */
  public static PageAnswer json(byte[] json) {
    return of(200, "application/json", json);
  }

  static PageAnswer of(int status, String type, byte[] content) {
    return new PageAnswer(status, Map.of("Content-Type", type), content, PageAnswer::nothing);
  }

  PageAnswer with(String header, String value) {
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.put(header, value);
    return new PageAnswer(status, more, content, ended);
  }

  /** The same, and something is done when it is on its way, or cannot be. */
  public PageAnswer whenEnded(Runnable action) {
    return new PageAnswer(status, headers, content, action);
  }

  public int status() {
    return status;
  }

  Map<String, String> headers() {
    return headers;
  }

  int length() {
    return content.length;
  }

  ByteBuffer content() {
    return ByteBuffer.wrap(content).asReadOnlyBuffer();
  }

  void ended() {
    ended.run();
  }

  private static void nothing() {}
}
