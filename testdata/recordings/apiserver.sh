#!/bin/sh
# Records testdata/recordings/apiserver.orka: 20 s of a real API server under load. KUBECONFIG names the server, as of
# testdata/controlplane/up.sh; ORKA and KUBECTL name the programs. `go test ./engine -run TestRecordings -update` notes what it gives.
set -eu
orka=${ORKA:-orka} kubectl=${KUBECTL:-kubectl}
out=$(dirname "$0")/apiserver.orka

# objects TURN FROM TO prints ConfigMaps, Deployments, Services and a Secret in two namespaces.
objects() {
	i=$2
	while [ "$i" -le "$3" ]; do
		ns=rec-a
		[ $((i % 2)) -eq 0 ] || ns=rec-b
		cat <<-YAML
			---
			{apiVersion: v1, kind: ConfigMap, metadata: {name: config-$i, namespace: $ns, labels: {app: web, turn: "$1"}}, data: {turn: "$1"}}
			---
			{apiVersion: v1, kind: Service, metadata: {name: web-$i, namespace: $ns, labels: {app: web}}, spec: {selector: {turn: "$1"}, ports: [{port: 80}]}}
			---
			{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-$i, namespace: $ns, labels: {app: web}},
			 spec: {replicas: $(($1 % 5)), selector: {matchLabels: {app: web-$i}}, template: {metadata: {labels: {app: web-$i}}, spec: {containers: [{name: c, image: "registry.example/web:$1"}]}}}}
			---
			{apiVersion: v1, kind: Secret, metadata: {name: secret-$i, namespace: $ns}, stringData: {password: "value-nobody-may-see-$1-$i"}}
		YAML
		i=$((i + 1))
	done
}

for ns in rec-a rec-b; do "$kubectl" create namespace "$ns" >/dev/null; done
objects 0 1 15 | "$kubectl" apply -f - >/dev/null
"$orka" record "$out" --force --for 20s configmaps services deploy secrets namespaces crd &
recorder=$!
(
	turn=1
	while kill -0 "$recorder" 2>/dev/null; do
		objects "$turn" $((turn % 7 + 1)) $((turn % 7 + 9)) | "$kubectl" apply -f - >/dev/null 2>&1 || true
		turn=$((turn + 1))
	done
) &
(
	turn=1
	while kill -0 "$recorder" 2>/dev/null; do
		"$kubectl" delete -n rec-a configmap "config-$((turn % 8 * 2 + 2))" --ignore-not-found >/dev/null 2>&1 || true
		"$kubectl" delete -n rec-b deploy,svc "web-$((turn % 7 * 2 + 1))" --ignore-not-found >/dev/null 2>&1 || true
		turn=$((turn + 1))
	done
) &
wait
for ns in rec-a rec-b; do "$kubectl" delete namespace "$ns" --wait=false >/dev/null; done
