{{- define "bolina.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "bolina.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- $name := include "bolina.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What never changes in the life of a release; takes (list . component). */}}
{{- define "bolina.selector" -}}
{{- $top := index . 0 -}}
app.kubernetes.io/name: {{ include "bolina.name" $top }}
app.kubernetes.io/instance: {{ $top.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "bolina.labels" -}}
{{- $top := index . 0 -}}
{{ include "bolina.selector" . }}
app.kubernetes.io/version: {{ $top.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: bolina
app.kubernetes.io/managed-by: {{ $top.Release.Service }}
{{- with $top.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
helm.sh/chart: {{ printf "%s-%s" $top.Chart.Name $top.Chart.Version }}
{{- end }}

{{- define "bolina.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag | toString) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{/* Seconds of a time such as 90s, 10m or 1h. */}}
{{- define "bolina.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "h" }}{{ mul $number 3600 }}{{ else if eq $unit "m" }}{{ mul $number 60 }}{{ else }}{{ $number }}{{ end }}
{{- end }}

{{- define "bolina.podSecurity" -}}
runAsNonRoot: true
{{- if not .Values.openshift }}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "bolina.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The same with what a component's values add; each takes (list . itsValues). */}}
{{- define "bolina.podSecurityOf" -}}
{{- toYaml (mergeOverwrite (include "bolina.podSecurity" (index . 0) | fromYaml) (default dict (index . 1).podSecurityContext)) }}
{{- end }}

{{- define "bolina.containerSecurityOf" -}}
{{- toYaml (mergeOverwrite (include "bolina.containerSecurity" (index . 0) | fromYaml) (default dict (index . 1).securityContext)) }}
{{- end }}

{{/* An address to listen on, of every family that the cluster has; takes (list . port). */}}
{{- define "bolina.listen" -}}
{{- $address := default "0.0.0.0" (index . 0).Values.listenAddress -}}
{{- if contains ":" $address }}[{{ $address }}]{{ else }}{{ $address }}{{ end }}:{{ index . 1 }}
{{- end }}

{{/* Service account annotations; takes the component's values. */}}
{{- define "bolina.accountAnnotations" -}}
{{- with .serviceAccountAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The size of the fleet, which no upgrade of values changes by itself: what runs stays, unless servers.replicas was changed. Empty under
     the Watcher, so that a rollback does not set it either; but once a manifest has had it, leaving it out would make it 1. */}}
{{- define "bolina.servers.replicas" -}}
{{- $name := printf "%s-server" (include "bolina.fullname" .) -}}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace $name -}}
{{- $watched := lookup "apps/v1" "Deployment" .Release.Namespace (printf "%s-watcher" (include "bolina.fullname" .)) -}}
{{- $given := toString .Values.servers.replicas -}}
{{- if $live -}}
{{- $recorded := dig "metadata" "annotations" "bolina.io/servers-replicas" "" $live -}}
{{- if and .Values.watcher.enabled $watched (not $recorded) -}}
{{- else if or .Values.watcher.enabled $watched (eq $recorded $given) -}}
{{- $live.spec.replicas -}}
{{- else -}}
{{- $given -}}
{{- end -}}
{{- else if not .Values.watcher.enabled -}}
{{- $given -}}
{{- end -}}
{{- end }}

{{/* Tells the cluster from others with the same Consul: the uid of a namespace that each has. Empty without a cluster ('helm template'). */}}
{{- define "bolina.cluster" -}}
{{- default (dig "metadata" "uid" "" (lookup "v1" "Namespace" "" "kube-system")) .Values.cluster -}}
{{- end }}

{{- define "bolina.envoy.namespace" -}}
{{- default .Release.Namespace .Values.envoy.namespace -}}
{{- end }}

{{/* Envoys are in their nodes' network, which Pod Security admission forbids in most namespaces: no pod would come, and nobody say why. */}}
{{- define "bolina.envoy.checkNamespace" -}}
{{- $namespace := include "bolina.envoy.namespace" . -}}
{{- $enforced := dig "metadata" "labels" "pod-security.kubernetes.io/enforce" "privileged" (lookup "v1" "Namespace" "" $namespace) -}}
{{- if ne $enforced "privileged" -}}
{{- fail (printf "namespace %s enforces the Pod Security Standard '%s', which forbids the host network that Envoys need: give them a namespace of their own that does not (envoy.namespace), label this one pod-security.kubernetes.io/enforce=privileged, or run Envoys elsewhere (envoy.enabled=false)" $namespace $enforced) -}}
{{- end -}}
{{- end }}

{{- define "bolina.spread" -}}
{{- $top := index . 0 -}}{{- $own := index . 2 -}}
topologySpreadConstraints:
{{- if $own }}
{{ toYaml $own }}
{{- else }}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "bolina.selector" (list $top (index . 1)) | nindent 6 }}
{{- end }}
{{- end }}

{{/* What a pod's owner decides about where it runs; takes the component's values. */}}
{{- define "bolina.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .dnsConfig }}
dnsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* ------------------------------------------------------------ Consul; each takes (list . ownTokenSecret) */}}

{{- define "bolina.consul.address" -}}
{{- if .Values.consul.tryOut.enabled -}}
http://{{ include "bolina.fullname" . }}-consul.{{ .Release.Namespace }}.svc:8500
{{- else -}}
{{- required "consul.address is needed: the HTTP API of your Consul, such as http://$(HOST_IP):8500 for an agent on each node. (Or consul.tryOut.enabled=true for one to try Bolina out.)" .Values.consul.address -}}
{{- end -}}
{{- end }}

{{- define "bolina.consul.port" -}}
{{- $host := regexReplaceAll "/.*$" (regexReplaceAll "^[a-z]+://" (include "bolina.consul.address" .) "") "" -}}
{{- $port := regexFind ":[0-9]+$" (regexReplaceAll "^\\[[^]]*\\]" $host "") | trimPrefix ":" -}}
{{- default (ternary "443" "80" (hasPrefix "https:" (include "bolina.consul.address" .))) $port -}}
{{- end }}

{{- define "bolina.consul.token" -}}
{{- $top := index . 0 -}}{{- $own := index . 1 -}}
{{- toYaml (ternary $own $top.Values.consul.tokenSecret (ne $own.name "")) -}}
{{- end }}

{{- define "bolina.consul.args" -}}
{{- $top := index . 0 -}}{{- $token := include "bolina.consul.token" . | fromYaml -}}
- --consul={{ include "bolina.consul.address" $top }}
{{- if $token.name }}
- --consul-token-file=/etc/bolina/consul-token/{{ $token.key }}
{{- end }}
{{- if $top.Values.consul.caSecret.name }}
- --consul-ca-file=/etc/bolina/consul-ca/{{ $top.Values.consul.caSecret.key }}
{{- end }}
{{- if ($top.Values.consul.clientSecret).name }}
- --consul-client-cert-file=/etc/bolina/consul-client/tls.crt
- --consul-client-key-file=/etc/bolina/consul-client/tls.key
{{- end }}
{{- end }}

{{- define "bolina.consul.mounts" -}}
{{- $top := index . 0 -}}{{- $token := include "bolina.consul.token" . | fromYaml -}}
{{- if $token.name }}
- {name: consul-token, mountPath: /etc/bolina/consul-token, readOnly: true}
{{- end }}
{{- if $top.Values.consul.caSecret.name }}
- {name: consul-ca, mountPath: /etc/bolina/consul-ca, readOnly: true}
{{- end }}
{{- if ($top.Values.consul.clientSecret).name }}
- {name: consul-client, mountPath: /etc/bolina/consul-client, readOnly: true}
{{- end }}
{{- end }}

{{- define "bolina.consul.volumes" -}}
{{- $top := index . 0 -}}{{- $token := include "bolina.consul.token" . | fromYaml -}}
{{- if $token.name }}
- name: consul-token
  secret: {secretName: {{ $token.name | quote }}, defaultMode: 0440}
{{- end }}
{{- if $top.Values.consul.caSecret.name }}
- name: consul-ca
  secret: {secretName: {{ $top.Values.consul.caSecret.name | quote }}, defaultMode: 0440}
{{- end }}
{{- if ($top.Values.consul.clientSecret).name }}
- name: consul-client
  secret: {secretName: {{ $top.Values.consul.clientSecret.name | quote }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{/* ------------------------------------------------------------ access to /fleet and /explain from other pods */}}

{{- define "bolina.admin.tokenFile" -}}
{{- with default dict .Values.adminTokenSecret }}{{ if .name }}/etc/bolina/admin-token/{{ default "token" .key }}{{ end }}{{ end }}
{{- end }}

{{- define "bolina.admin.mounts" -}}
{{- if include "bolina.admin.tokenFile" . -}}
- {name: admin-token, mountPath: /etc/bolina/admin-token, readOnly: true}
{{- end }}
{{- end }}

{{- define "bolina.admin.volumes" -}}
{{- if include "bolina.admin.tokenFile" . -}}
- name: admin-token
  secret: {secretName: {{ .Values.adminTokenSecret.name | quote }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "bolina.hostIp" -}}
- {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
{{- end }}

{{/* ------------------------------------------------------------ network policies */}}

{{- define "bolina.fromNodes" -}}
{{- with .Values.networkPolicy.nodeCidrs }}
  from:
  {{- range . }}
  - ipBlock: {cidr: {{ . }}}
  {{- end }}
{{- end }}
{{- end }}

{{- define "bolina.fromMetrics" -}}
{{- if .Values.networkPolicy.metricsFrom }}
{{- toYaml .Values.networkPolicy.metricsFrom | nindent 2 }}
{{- else }}
  - namespaceSelector: {}
{{- end }}
{{- end }}

{{/* The loads that all programs go by; takes (list . withWeights). Values of an older release (--reuse-values) have none. */}}
{{- define "bolina.load" -}}
{{- $load := default dict (index . 0).Values.load -}}
{{- with $load.overloadedAt }}
overloaded-at: {{ . }}
{{- end }}
{{- if index . 1 }}
{{- with $load.weightSteps }}
weight-steps: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
