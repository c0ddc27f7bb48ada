package io.bolina.controlplane.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.FleetsForTest;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The promise, for any fleet. */
class AdmissionProperties {
  private final AdmissionSettings settings = AdmissionSettings.DEFAULTS;
  private final Admission admission = new Admission(settings);

  @Provide
  Arbitrary<Fleet> fleets() {
    return FleetsForTest.anyFleet();
  }

  private static boolean couldOpen(Member m) {
    return m.health() != Health.CRITICAL
        && !m.draining()
        && (m.presence() == Presence.LISTED || m.presence() == Presence.HELD);
  }

  private boolean overloaded(Member m) {
    return m.load().filter(l -> l.load() >= settings.load().overloadedAt()).isPresent();
  }

  @Property
  void a_critical_draining_or_unseen_server_is_never_open(@ForAll("fleets") Fleet fleet) {
    assertThat(admission.decide(fleet))
        .filteredOn(Decision::open)
        .allMatch(d -> couldOpen(d.member()));
  }

  @Property
  void an_overloaded_server_is_open_only_if_all_that_could_be_are_overloaded(
      @ForAll("fleets") Fleet fleet) {
    boolean anotherIsOpen = fleet.members().stream().anyMatch(m -> couldOpen(m) && !overloaded(m));
    for (Decision d : admission.decide(fleet)) {
      assertThat(d.open())
          .isEqualTo(couldOpen(d.member()) && (!overloaded(d.member()) || !anotherIsOpen));
    }
  }

  @Property
  void while_any_server_could_be_open_one_is(@ForAll("fleets") Fleet fleet) {
    assertThat(admission.decide(fleet).stream().anyMatch(Decision::open))
        .isEqualTo(fleet.members().stream().anyMatch(AdmissionProperties::couldOpen));
  }

  @Property
  void without_reports_only_a_server_on_a_machine_that_is_gone_is_given_up(
      @ForAll("fleets") Fleet fleet) {
    for (Decision d : admission.decide(fleet)) {
      assertThat(d.status() == AdmissionStatus.GIVEN_UP)
          .isEqualTo(d.member().presence() == Presence.GONE);
    }
  }

  @Property
  void who_has_ended_is_given_up_and_reports_that_are_held_change_nothing(
      @ForAll("fleets") Fleet fleet, @ForAll long seed) {
    Random random = new Random(seed);
    List<Member> ended = new ArrayList<>();
    List<Member> held = new ArrayList<>();
    for (Member m : fleet.members()) {
      Optional<GoneReport> report =
          Optional.of(GoneReport.of(m.server(), "agent", Instant.EPOCH, ""))
              .filter(r -> random.nextBoolean());
      ended.add(m.withGone(report, false));
      held.add(m.withGone(report, true));
    }
    assertThat(admission.decide(FleetsForTest.fleet(ended)))
        .allMatch(
            d ->
                (d.status() == AdmissionStatus.GIVEN_UP)
                    == (d.member().hasEnded() || d.member().presence() == Presence.GONE));
    assertThat(admission.decide(FleetsForTest.fleet(held)))
        .extracting(Decision::status)
        .isEqualTo(admission.decide(fleet).stream().map(Decision::status).toList());
  }

  @Property
  void every_server_is_decided_once_with_a_weight_and_a_reason(@ForAll("fleets") Fleet fleet) {
    List<Decision> decisions = admission.decide(fleet);
    assertThat(decisions.stream().map(Decision::member)).isEqualTo(fleet.members());
    assertThat(decisions)
        .allSatisfy(
            d -> {
              assertThat(d.weight()).isBetween(1, 100);
              assertThat(d.reason()).isNotBlank();
            });
  }

  @Property
  void the_order_of_servers_and_who_decides_do_not_matter(
      @ForAll("fleets") Fleet fleet, @ForAll long seed) {
    List<Member> shuffled = new ArrayList<>(fleet.members());
    Collections.shuffle(shuffled, new Random(seed));
    assertThat(new Admission(AdmissionSettings.DEFAULTS).decide(FleetsForTest.fleet(shuffled)))
        .isEqualTo(admission.decide(fleet));
  }

  @Property
  void weight_never_rises_with_load(@ForAll("fleets") Fleet fleet) {
    List<Decision> open =
        admission.decide(fleet).stream()
            .filter(d -> d.member().health() == Health.PASSING && d.member().load().isPresent())
            .sorted(
                (a, b) ->
                    Double.compare(
                        a.member().load().orElseThrow().load(),
                        b.member().load().orElseThrow().load()))
            .toList();
    for (int i = 1; i < open.size(); i++) {
      assertThat(open.get(i).weight()).isLessThanOrEqualTo(open.get(i - 1).weight());
    }
  }

  @Property
  void what_was_decided_before_changes_nothing(
      @ForAll("fleets") Fleet before, @ForAll("fleets") Fleet after) {
    List<Decision> last = admission.decide(before);
    Set<Decision> same = Collections.newSetFromMap(new IdentityHashMap<>());
    same.addAll(last);
    assertThat(admission.decide(after, last)).isEqualTo(admission.decide(after));
    assertThat(admission.decide(before, last))
        .filteredOn(d -> !overloaded(d.member()))
        .allMatch(same::contains);
  }

  @Property
  void changes_are_all_that_two_decisions_do_not_have_in_common(
      @ForAll("fleets") Fleet before, @ForAll("fleets") Fleet after) {
    List<Decision> olds = admission.decide(before);
    List<Decision> news = admission.decide(after, olds);
    DecisionChanges changes = DecisionChanges.between(olds, news);
    Set<Decision> patched = new HashSet<>(olds);
    for (DecisionChanges.DecisionChange pair : changes.all()) {
      pair.before().ifPresent(patched::remove);
      pair.after().ifPresent(patched::add);
      assertThat(pair.before()).isNotEqualTo(pair.after());
    }
    assertThat(patched).isEqualTo(new HashSet<>(news));
    assertThat(changes.closesOne())
        .isEqualTo(
            olds.stream()
                .filter(Decision::open)
                .anyMatch(
                    was ->
                        news.stream()
                            .filter(Decision::open)
                            .noneMatch(
                                is ->
                                    is.member()
                                        .server()
                                        .endpoint()
                                        .equals(was.member().server().endpoint()))));
    assertThat(DecisionChanges.between(news, news).all()).isEmpty();
  }
}
