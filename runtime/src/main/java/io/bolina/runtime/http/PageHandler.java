package io.bolina.runtime.http;

import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.Invocable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers requests. None of Jetty's threads waits for anybody: bodies are read, pages made and
 * answers written each as far as is possible now, and a page is made by a thread of its kind.
 */
final class PageHandler extends Handler.Abstract.NonBlocking {
  static final int LARGEST_BODY = 16 * 1024;

  private static final Logger log = LoggerFactory.getLogger(PageHandler.class);

  private final Map<String, List<Page>> pages;
  private final Map<PageKind, PageLane> lanes;
  private final PageConnections connections;
  private final PageAccess access;
  private final BiConsumer<String, String> refused;

  /**
   * One of the pages.
   *
   * @param method GET, which HEAD goes with, or one with a body
   * @param purpose what it is for; further lines are indented under it
   */
  record Page(String method, String path, PageKind kind, String purpose, PageSource source) {}

  /** Makes the answer, now or later. */
  @FunctionalInterface
  interface PageSource {
    CompletionStage<PageAnswer> answer(PageRequest request);
  }

  /**
   * @param refused is told the reason for which a request was refused, and whose it was
   */
  PageHandler(
      List<Page> pages,
      Map<PageKind, PageLane> lanes,
      PageConnections connections,
      PageAccess access,
      BiConsumer<String, String> refused) {
    this.pages = pages.stream().collect(Collectors.groupingBy(Page::path));
    this.lanes = lanes;
    this.connections = connections;
    this.access = access;
    this.refused = refused;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    new Exchange(request, response, callback).begin();
    return true;
  }

  /** One request and its answer. */
  private final class Exchange {
    private final Request request;
    private final Response response;
    private final Callback callback;
    private final PageConnection connection;

    private Exchange(Request request, Response response, Callback callback) {
      this.request = request;
      this.response = response;
      this.callback = callback;
      this.connection = connections.of(request.getConnectionMetaData().getConnection());
    }

    private void begin() {
      connection.worksOn(System.nanoTime());
      List<Page> here = pages.getOrDefault(Request.getPathInContext(request), List.of());
      if (here.isEmpty()) {
        write(PageAnswer.text(404, "there is no such page; / lists them\n"));
        return;
      }
      String method = request.getMethod();
      String asked = HttpMethod.HEAD.is(method) ? HttpMethod.GET.asString() : method;
      Optional<Page> page = here.stream().filter(p -> p.method().equals(asked)).findFirst();
      Optional<PageAccess.Refusal> refusal =
          access.refusal(page.orElse(here.get(0)).kind(), caller(request));
      if (refusal.isPresent()) {
        refused.accept(refusal.get().reason(), connection.peer());
        write(refusal.get().answer());
      } else if (page.isEmpty()) {
        String allowed = here.stream().map(Page::method).collect(Collectors.joining(", "));
        write(PageAnswer.text(405, "only " + allowed + "\n").with("Allow", allowed));
      } else if (asked.equals(HttpMethod.GET.asString())) {
        enter(page.get(), "");
      } else {
        readBody(page.get());
      }
    }

    private void readBody(Page page) {
      if (request.getLength() > LARGEST_BODY) {
        write(tooLarge());
        return;
      }
      connection.bodyAwaited(System.nanoTime());
      Content.Source.asByteArrayAsync(
          request,
          LARGEST_BODY,
          Promise.Invocable.from(
              Invocable.InvocationType.NON_BLOCKING,
              (bytes, failure) -> {
                if (failure == null) {
                  enter(page, new String(bytes, StandardCharsets.UTF_8));
                } else if (failure instanceof IllegalStateException) { // there is more of it
                  write(tooLarge());
                } else {
                  callback.failed(failure);
                }
              }));
    }

    /** Has the page made, unless too many of its kind are on their way. */
    private void enter(Page page, String body) {
      long now = System.nanoTime();
      connection.worksOn(now);
      PageLane lane = lanes.get(page.kind());
      if (!lane.enter(connection, now)) {
        refused.accept("busy", connection.peer());
        write(
            PageAnswer.text(503, "too many requests of this kind at one time\n")
                .with("Retry-After", "1"));
        return;
      }
      try {
        PageRequest asked = new PageRequest(query(), body);
        lane.threads().execute(() -> make(page, lane, asked));
      } catch (RejectedExecutionException e) { // closing
        lane.leave(connection);
        callback.failed(e);
      } catch (IllegalArgumentException e) { // a query that cannot be decoded
        lane.leave(connection);
        write(PageAnswer.text(400, "the query cannot be read\n"));
      }
    }

    private void make(Page page, PageLane lane, PageRequest asked) {
      try {
        var sent =
            page.source()
                .answer(asked)
                .whenComplete(
                    (answer, failure) ->
                        write(failure == null ? answer : failed(page, failure), lane));
        log.trace("{}", sent);
      } catch (RuntimeException | Error e) {
        write(failed(page, e), lane);
      }
    }

    private PageAnswer failed(Page page, Throwable failure) {
      log.atError().addKeyValue("path", page.path()).setCause(failure).log("page failed");
      return PageAnswer.text(500, "internal error; see the log\n");
    }

    private void write(PageAnswer answer, PageLane lane) {
      write(
          answer.whenEnded(
              () -> {
                lane.leave(connection);
                answer.ended();
              }));
    }

    private void write(PageAnswer answer) {
      response.setStatus(answer.status());
      answer.headers().forEach((name, value) -> response.getHeaders().put(name, value));
      response.getHeaders().put(HttpHeader.CONTENT_LENGTH, answer.length());
      response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
      response.getHeaders().put("X-Content-Type-Options", "nosniff");
      connection.answers(answer.length(), System.nanoTime());
      new AnswerWriter(
              response, answer, HttpMethod.HEAD.is(request.getMethod()), connection, callback)
          .iterate();
    }

    /** Decoded, with the last of several values. */
    private Map<String, String> query() {
      Map<String, String> query = new HashMap<>();
      for (Fields.Field field : Request.extractQueryParameters(request)) {
        query.put(field.getName(), field.getValue());
      }
      return query;
    }
  }

  private static PageAnswer tooLarge() {
    return PageAnswer.text(413, "the body is larger than " + LARGEST_BODY + " bytes\n")
        .with("Connection", "close");
  }

  private static PageCaller caller(Request request) {
    SocketAddress remote = request.getConnectionMetaData().getRemoteSocketAddress();
    SocketAddress local = request.getConnectionMetaData().getLocalSocketAddress();
    return new PageCaller(
        remote,
        local,
        header(request, HttpHeader.HOST.asString()),
        header(request, HttpHeader.ORIGIN.asString()),
        header(request, "Sec-Fetch-Site"),
        header(request, HttpHeader.AUTHORIZATION.asString()),
        request.getHeaders().contains(HttpHeader.FORWARDED)
            || request.getHeaders().contains(HttpHeader.X_FORWARDED_FOR));
  }

  private static Optional<String> header(Request request, String name) {
    return Optional.ofNullable(request.getHeaders().getField(name)).map(HttpField::getValue);
  }
}
