package io.bolina.watcher.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TargetNameTest {
  @ParameterizedTest
  @CsvSource({
    "deployment/b, apps, deployments, deployment/b",
    "Deployments/b, apps, deployments, deployment/b",
    "deploy/b, apps, deployments, deployment/b",
    "deployment.apps/b, apps, deployments, deployment/b",
    "sts/b, apps, statefulsets, statefulset/b",
    "replicaset/b, apps, replicasets, replicaset/b",
    "rc/b, '', replicationcontrollers, replicationcontroller/b",
    "rollouts.argoproj.io/b, argoproj.io, rollouts, rollouts.argoproj.io/b"
  })
  void it_is_named_as_kubectl_names_it(String text, String group, String plural, String shown) {
    TargetName name = TargetName.parse(text);
    assertThat(name).isEqualTo(new TargetName(group, plural, "b"));
    assertThat(name).hasToString(shown);
  }

  @ParameterizedTest
  @CsvSource({
    "bolina, is not KIND/NAME",
    "/b, is not KIND/NAME",
    "deployment/, is not KIND/NAME",
    "a/b/c, is not KIND/NAME",
    "thing/b, the kind 'thing' is not known",
    ".io/b, the kind '.io' is not known"
  })
  void anything_else_is_an_error_that_says_why(String text, String why) {
    assertThatThrownBy(() -> TargetName.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }
}
