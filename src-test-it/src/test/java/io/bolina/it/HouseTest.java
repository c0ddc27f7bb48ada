package io.bolina.it;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The rules of the house: data flows one way, and each room knows only what it must. */
@AnalyzeClasses(packages = "io.bolina", importOptions = DoNotIncludeTests.class)
class HouseTest {
  private static final String CONTROL_PLANE = "io.bolina.controlplane..";
  private static final String WATCHER = "io.bolina.watcher..";

  @ArchTest
  static final ArchRule only_the_registry_knows_consul =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.bolina.registry.consul..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("com.orbitz..", "okhttp3..", "retrofit2..");

  @ArchTest
  static final ArchRule only_who_sets_it_up_knows_which_registry_it_is =
      noClasses()
          .that()
          .resideInAnyPackage("io.bolina.registry", CONTROL_PLANE, WATCHER)
          .and()
          .resideOutsideOfPackage("io.bolina.controlplane.config")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.bolina.registry.consul..", "io.bolina.registry.memory..");

  @ArchTest
  static final ArchRule the_registry_knows_nobody_else =
      noClasses()
          .that()
          .resideInAPackage("io.bolina.registry..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              CONTROL_PLANE, WATCHER, "io.bolina.sandbox..", "io.bolina.launcher..");

  @ArchTest
  static final ArchRule the_agent_knows_the_registry_and_not_which_and_no_control_plane =
      noClasses()
          .that()
          .resideInAPackage("io.bolina.agent..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(CONTROL_PLANE, "io.bolina.registry.consul..", "io.bolina.sandbox..");

  @ArchTest
  static final ArchRule what_ships_does_not_need_the_sandbox =
      noClasses()
          .that()
          .resideInAnyPackage("io.bolina.registry..", CONTROL_PLANE, WATCHER)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.bolina.sandbox..", "io.bolina.launcher..");

  @ArchTest
  static final ArchRule the_watcher_knows_no_control_plane_and_no_agent =
      noClasses()
          .that()
          .resideInAPackage(WATCHER)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(CONTROL_PLANE, "io.bolina.agent..");

  @ArchTest
  static final ArchRule only_one_room_of_the_watcher_knows_kubernetes =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.bolina.watcher.kubernetes")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.fabric8..");

  @ArchTest
  static final ArchRule decisions_do_no_io_and_know_no_clock_and_no_thread =
      noClasses()
          .that()
          .resideInAnyPackage("io.bolina.controlplane.admission", "io.bolina.watcher.planning")
          .or()
          .haveFullyQualifiedName("io.bolina.registry.fleet.FleetKeeper")
          .or()
          .haveFullyQualifiedName("io.bolina.agent.ReportDeadlines")
          .or()
          .haveFullyQualifiedName("io.bolina.agent.LoadWritePolicy")
          .or()
          .haveFullyQualifiedName("io.bolina.agent.DrainPolicy")
          .or()
          .haveFullyQualifiedName("io.bolina.agent.AgentState")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.resources.EnvoyResources")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.resources.GateResources")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.resources.GateSupport")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.gate.GateRules")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.gate.GateConfig")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.identity.PeerRules")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.identity.PeerRule")
          .or()
          .haveFullyQualifiedName("io.bolina.controlplane.identity.PeerIdentity")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.io..", "java.nio..", "java.net..", "java.util.concurrent..", "org.slf4j..")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.time.Clock");

  @ArchTest
  static final ArchRule what_is_decided_does_not_know_how_it_is_served =
      noClasses()
          .that()
          .resideInAnyPackage("io.bolina.controlplane.admission", "io.bolina.controlplane.gate")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.envoyproxy..", "io.grpc..", "com.google.protobuf..");

  @ArchTest
  static final ArchRule what_is_served_does_not_know_how_it_is_streamed =
      noClasses()
          .that()
          .resideInAPackage("io.bolina.controlplane.served")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.grpc..", "io.envoyproxy..", "io.bolina.controlplane.stream..");

  @ArchTest
  static final ArchRule only_streams_speak_grpc =
      noClasses()
          .that()
          .resideInAPackage(CONTROL_PLANE)
          .and()
          .resideOutsideOfPackages(
              "io.bolina.controlplane.stream",
              // Who speaks is told by the connection.
              "io.bolina.controlplane.identity")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.grpc..");

  @ArchTest
  static final ArchRule names_are_the_fields_own =
      classes()
          .should()
          .haveSimpleNameNotEndingWith("Impl")
          .andShould()
          .haveSimpleNameNotEndingWith("Manager")
          .andShould()
          .haveSimpleNameNotEndingWith("Util")
          .andShould()
          .haveSimpleNameNotEndingWith("Utils")
          .andShould()
          .resideOutsideOfPackage("..util..");

  @ArchTest
  static final ArchRule no_circles =
      SlicesRuleDefinition.slices().matching("io.bolina.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule pages_have_one_server =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.bolina.runtime.http")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.eclipse.jetty..");

  @ArchTest
  static final ArchRule what_all_share_knows_nobody =
      noClasses()
          .that()
          .resideInAPackage("io.bolina.runtime..")
          .should()
          .dependOnClassesThat(
              resideInAPackage("io.bolina..").and(not(resideInAPackage("io.bolina.runtime.."))));

  @ArchTest
  static final ArchRule what_ships_has_no_test_machinery =
      noClasses()
          .that()
          .resideInAnyPackage("io.bolina.launcher..", "io.bolina.agent..", "io.bolina.runtime..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.bolina.sandbox..", "io.bolina.demo..");

  @ArchTest
  static final ArchRule a_model_does_no_io =
      noClasses()
          .that()
          .resideInAPackage("io.bolina.registry.model")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.io..",
              "java.nio..",
              "java.util.concurrent..",
              "org.slf4j..",
              "io.micrometer..");

  /** Whoever reads a name, or greps for it, must find one thing. */
  @ArchTest
  static void no_two_public_types_have_one_name(JavaClasses classes) {
    Map<String, Set<String>> byName = new TreeMap<>();
    for (JavaClass type : classes) {
      if (isPublic(type) && !type.isAnonymousClass() && !type.isLocalClass()) {
        byName.computeIfAbsent(type.getSimpleName(), n -> new TreeSet<>()).add(type.getName());
      }
    }
    byName.values().removeIf(types -> types.size() == 1);
    assertThat(byName).isEmpty();
  }

  private static boolean isPublic(JavaClass type) {
    return type.getModifiers().contains(JavaModifier.PUBLIC)
        && type.getEnclosingClass().map(HouseTest::isPublic).orElse(true);
  }

  /** A package is in one room: else nobody can tell what is package-private to whom. */
  @ArchTest
  static void no_package_is_in_two_rooms(JavaClasses classes) {
    Map<String, Set<String>> rooms = new TreeMap<>();
    for (JavaClass type : classes) {
      String path = type.getSource().orElseThrow().getUri().toString();
      String room = path.replaceAll("/target/.*", "").replaceAll(".*/", "");
      rooms.computeIfAbsent(type.getPackageName(), p -> new TreeSet<>()).add(room);
    }
    assertThat(rooms).hasSizeGreaterThan(20);
    rooms.values().removeIf(in -> in.size() == 1);
    assertThat(rooms).isEmpty();
  }
}
