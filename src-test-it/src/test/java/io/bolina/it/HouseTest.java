package io.bolina.it;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;

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
          .haveFullyQualifiedName("io.bolina.agent.Silence")
          .or()
          .haveFullyQualifiedName("io.bolina.agent.LoadGate")
          .or()
          .haveFullyQualifiedName("io.bolina.agent.Drain")
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
          .resideOutsideOfPackage("io.bolina.controlplane.stream")
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
}
