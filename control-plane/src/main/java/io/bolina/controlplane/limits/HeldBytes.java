package io.bolina.controlplane.limits;

import java.util.Comparator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What all streams together make the control plane hold. Each may hold much while the others hold
 * little; over the limit the one that holds most is closed, and then the next, so that whoever
 * fills the memory is who loses its stream.
 */
public final class HeldBytes {
  private final long limit;
  private final Executor closing;
  private final AtomicLong total = new AtomicLong();
  private final AtomicBoolean over = new AtomicBoolean();
  private final Set<Account> accounts = ConcurrentHashMap.newKeySet();

  /** What one stream holds. */
  public final class Account {
    private final Runnable close;
    private long bytes;
    private boolean closed;

    private Account(Runnable close) {
      this.close = close;
    }

    /** It holds so many bytes more, or fewer. */
    public void add(long more) {
      if (more == 0) {
        return;
      }
      synchronized (this) {
        if (closed) {
          return;
        }
        bytes += more;
      }
      if (total.addAndGet(more) > limit) {
        tooMuch();
      }
    }

    /** It holds nothing any more. */
    public void close() {
      synchronized (this) {
        if (closed) {
          return;
        }
        closed = true;
      }
      accounts.remove(this);
      total.addAndGet(-bytes);
    }

    private synchronized long bytes() {
      return bytes;
    }
  }

  /**
   * @param limit bytes
   * @param closing where streams are closed: not by the thread of another one, which has a lock
   */
  public HeldBytes(long limit, Executor closing) {
    this.limit = limit;
    this.closing = closing;
  }

  /**
   * What a new stream holds.
   *
   * @param close closes the stream, and with it the account
   */
  public Account open(Runnable close) {
    Account account = new Account(close);
    accounts.add(account);
    return account;
  }

  /** In bytes. */
  public long total() {
    return total.get();
  }

  private void tooMuch() {
    if (over.compareAndSet(false, true)) {
      closing.execute(this::closeLargest);
    }
  }

  private void closeLargest() {
    over.set(false);
    while (total.get() > limit) {
      Account largest =
          accounts.stream().max(Comparator.comparingLong(Account::bytes)).orElse(null);
      if (largest == null) {
        return;
      }
      largest.close.run();
      largest.close();
    }
  }
}
