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

{{/* ------------------------------------------------------------ TLS between Envoys and control plane */}}

{{/* required, optional or off. Values of an older release (--reuse-values) have none: its Envoys go on as they are. */}}
{{- define "bolina.tls.mode" -}}
{{- $mode := (default (dict "mode" "off") .Values.tls).mode | toString -}}
{{- /* YAML takes a bare off for false. */ -}}
{{- ternary "off" $mode (eq $mode "false") -}}
{{- end }}

{{/* Where Envoys of this release connect. With TLS and without are two ports, so that a change of mode leaves the others' where it is. */}}
{{- define "bolina.tls.port" -}}
{{- ternary 18000 18001 (eq (include "bolina.tls.mode" .) "off") -}}
{{- end }}

{{/* Whether the chart makes the certificates itself: true, or empty. */}}
{{- define "bolina.tls.made" -}}
{{- $tls := default dict .Values.tls -}}
{{- if not (or (default dict $tls.certManager).enabled (default dict $tls.secrets).server) -}}true{{- end -}}
{{- end }}

{{/* The Secret of one end; takes (list . end). */}}
{{- define "bolina.tls.secret" -}}
{{- $top := index . 0 -}}{{- $end := index . 1 -}}
{{- $given := index (default dict (default dict $top.Values.tls).secrets) $end -}}
{{- default (printf "%s-xds-%s" (include "bolina.fullname" $top) $end) $given -}}
{{- end }}

{{/* The name in the certificate of one end; takes (list . end). */}}
{{- define "bolina.tls.name" -}}
{{- $top := index . 0 -}}
{{- printf "%s-%s.%s.svc" (include "bolina.fullname" $top) (ternary "control-plane" "envoy" (eq (index . 1) "server")) $top.Release.Namespace -}}
{{- end }}

{{/* Those of the release, if both Secrets are there and fit together; else new ones. */}}
{{- define "bolina.tls.certificates" -}}
{{- $server := default dict (lookup "v1" "Secret" .Release.Namespace (include "bolina.tls.secret" (list . "server"))).data -}}
{{- $client := default dict (lookup "v1" "Secret" (include "bolina.envoy.namespace" .) (include "bolina.tls.secret" (list . "client"))).data -}}
{{- if and (index $server "tls.key") (index $client "tls.key") (eq (index $server "ca.crt") (index $client "ca.crt")) -}}
{{- toYaml (dict "server" $server "client" $client) -}}
{{- else -}}
{{- $days := int (default 3650 .Values.tls.days) -}}
{{- $ca := genCA (printf "%s-xds" (include "bolina.fullname" .)) $days -}}
{{- $made := dict -}}
{{- range $end := list "server" "client" -}}
{{- $name := include "bolina.tls.name" (list $ $end) -}}
{{- $cert := genSignedCert ($name | trunc 64) nil (list $name) $days $ca -}}
{{- $_ := set $made $end (dict "ca.crt" ($ca.Cert | b64enc) "tls.crt" ($cert.Cert | b64enc) "tls.key" ($cert.Key | b64enc)) -}}
{{- end -}}
{{- toYaml $made -}}
{{- end -}}
{{- end }}

{{/* An upgrade must not take away the port that running Envoys connect to: they would go on with what they have and learn of nothing. */}}
{{- define "bolina.tls.check" -}}
{{- $mode := include "bolina.tls.mode" . -}}
{{- $tls := default dict .Values.tls -}}
{{- $secrets := default dict $tls.secrets -}}
{{- if ne (empty $secrets.server) (empty $secrets.client) -}}
{{- fail "tls.secrets: give both server and client" -}}
{{- end -}}
{{- if and (eq $mode "off") .Values.tls .Values.networkPolicy.enabled (not .Values.networkPolicy.nodeCidrs) -}}
{{- fail "tls.mode=off and networkPolicy.nodeCidrs empty: whoever reaches the control plane would be told of all servers. Give the nodes' networks (networkPolicy.nodeCidrs), or [0.0.0.0/0, \"::/0\"] if anybody may." -}}
{{- end -}}
{{- $live := lookup "apps/v1" "StatefulSet" .Release.Namespace (printf "%s-control-plane" (include "bolina.fullname" .)) -}}
{{- if $live -}}
{{- $was := dig "metadata" "annotations" "bolina.io/xds" "off" $live -}}
{{- if and (ne $was $mode) (ne $was "optional") (ne $mode "optional") -}}
{{- fail (printf "tls.mode was %s and would be %s: Envoys that run would lose the control plane. Upgrade with tls.mode=optional, restart the Envoys (node by node), then upgrade with tls.mode=%s. (docs/kubernetes.md, TLS)" $was $mode $mode) -}}
{{- end -}}
{{- if ne $mode "optional" -}}
{{- $left := list -}}
{{- range (default dict (lookup "v1" "Pod" (include "bolina.envoy.namespace" .) "")).items -}}
{{- $labels := default dict .metadata.labels -}}
{{- if and (eq (default "" (index $labels "app.kubernetes.io/instance")) $.Release.Name) (eq (default "" (index $labels "app.kubernetes.io/component")) "envoy") (eq (default "" (index $labels "app.kubernetes.io/part-of")) "bolina") -}}
{{- $by := default "plain" (index (default dict .metadata.annotations) "bolina.io/xds") -}}
{{- if ne $by (ternary "plain" "tls" (eq $mode "off")) -}}
{{- $left = append $left .metadata.name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $left -}}
{{- fail (printf "tls.mode=%s would take the control plane from Envoys that connect to it the other way: restart these first, with tls.mode=optional: %s" $mode (join ", " $left)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
