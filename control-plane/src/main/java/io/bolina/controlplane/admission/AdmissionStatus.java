package io.bolina.controlplane.admission;

/** Which clients may reach a server. */
public enum AdmissionStatus {
  /** New clients and known ones. */
  OPEN,
  /** Known clients only; new ones go elsewhere. */
  CLOSED,
  /** None: the server is lost, and its clients are moved. */
  GIVEN_UP
}
