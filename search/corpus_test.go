package search

import (
	"fmt"
	"math/rand/v2"

	"orka/watch"
)

// corpus is n objects as a real cluster has them: workloads of a few replicas in 200 namespaces, most objects
// pods with about ten projected fields.
func corpus(seed uint64, n int) []*watch.Object {
	r := rand.New(rand.NewPCG(seed, 1))
	apps := []string{
		"checkout-api", "checkout-worker", "payments-gateway", "payments-ledger", "cart-service", "inventory-sync", "search-indexer", "search-api",
		"user-profile", "auth-proxy", "auth-session-store", "notification-dispatcher", "email-renderer", "recommendation-engine", "feature-flags",
		"nginx-ingress-controller", "redis-cache", "postgres-operator", "kafka-broker", "zookeeper", "prometheus-node-exporter", "grafana",
		"fluent-bit", "cert-manager", "external-dns", "argo-rollouts", "image-resizer", "video-transcoder", "billing-cron", "fraud-detector",
		"geo-lookup", "session-replay", "web-frontend", "mobile-bff", "admin-console", "audit-log", "webhook-relay", "report-builder", "ml-inference", "etl-loader",
	}
	teams := []string{"payments", "checkout", "platform", "growth", "search", "data", "ml", "infra", "identity", "mobile"}
	stages := []string{"prod", "staging", "dev", "canary"}
	regions := []string{"eu-west-1", "us-east-1", "ap-south-1", "eu-north-1", "us-west-2"}
	var spaces []string
	for _, t := range teams {
		for _, s := range stages {
			for _, g := range regions {
				spaces = append(spaces, t+"-"+s+"-"+g)
			}
		}
	}
	const safe = "bcdfghjklmnpqrstvwxz2456789" // the alphabet of generated names
	token := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = safe[r.IntN(len(safe))]
		}
		return string(b)
	}
	uid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<16), r.Int64N(1<<48))
	}
	var out []*watch.Object
	seen := map[string]bool{}
	add := func(k *watch.Kind, ns, name, status string, labels watch.Pairs, fields map[string]string) {
		key := k.Kind + "\x00" + ns + "\x00" + name
		if seen[key] || len(out) >= n {
			return
		}
		seen[key] = true
		health := watch.HealthOK
		if status == "CrashLoopBackOff" || status == "ImagePullBackOff" {
			health = watch.HealthBad
		}
		out = append(out, &watch.Object{
			Kind: k, Namespace: ns, Name: name, UID: uid(), ResourceVersion: fmt.Sprint(1_000_000 + len(out)), Created: now.Unix() - r.Int64N(90*24*3600),
			Status: status, Labels: labels, Fields: watch.PackPairs(fields), Health: health,
			Annos: watch.PackPairs(map[string]string{"kubernetes.io/config.source": "api", "deployment.kubernetes.io/revision": fmt.Sprint(r.IntN(40)), "owner": teams[r.IntN(len(teams))]}),
		})
	}
	for i := range min(n/100, 1500) {
		ip := fmt.Sprintf("10.0.%d.%d", i/250, i%250)
		add(nodes, "", fmt.Sprintf("ip-10-0-%d-%d.%s.compute.internal", i/250, i%250, regions[i%5]), "Ready", watch.PackPairs(map[string]string{"topology.kubernetes.io/region": regions[i%5]}),
			map[string]string{"status.nodeInfo.kubeletVersion": "v1.34.2", "status.internalIP": ip, "spec.providerID": "aws:///" + regions[i%5] + "/i-" + token(12), "status.capacity.memory": "64Gi", "status.capacity.cpu": "16"})
	}
	for _, ns := range spaces {
		add(namespaces, "", ns, "Active", "", map[string]string{"status.phase": "Active"})
	}
	for len(out) < n {
		ns := spaces[r.IntN(len(spaces))]
		app := apps[r.IntN(len(apps))]
		if r.IntN(3) == 0 {
			app += "-" + []string{"v2", "canary", "blue", "green", "eu", "internal"}[r.IntN(6)]
		}
		hash := token(10)
		image := fmt.Sprintf("registry.example.com/%s/%s:v%d.%d.%d", teams[r.IntN(len(teams))], app, r.IntN(4), r.IntN(20), r.IntN(40))
		labels := watch.PackPairs(map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/part-of": ns, "pod-template-hash": hash, "tier": []string{"web", "worker", "db"}[r.IntN(3)]})
		replicas := 1 + r.IntN(12)
		add(deployments, ns, app, fmt.Sprintf("%d/%d", replicas, replicas), labels, map[string]string{"spec.replicas": fmt.Sprint(replicas), "status.readyReplicas": fmt.Sprint(replicas), "spec.image": image, "spec.strategy": "RollingUpdate"})
		add(replicaSets, ns, app+"-"+hash, fmt.Sprint(replicas), labels, map[string]string{"spec.replicas": fmt.Sprint(replicas), "metadata.owner": "Deployment/" + app, "spec.image": image})
		add(services, ns, app, "ClusterIP", labels, map[string]string{"spec.type": "ClusterIP", "spec.clusterIP": fmt.Sprintf("172.20.%d.%d", r.IntN(250), r.IntN(250)), "spec.ports": "80/TCP,9090/TCP"})
		add(configMaps, ns, app+"-config", "", "", map[string]string{"data.keys": "config.yaml,logging.json"})
		add(secrets, ns, app+"-tls", "", "", map[string]string{"type": "kubernetes.io/tls"})
		for range replicas {
			status := "Running"
			if r.IntN(40) == 0 {
				status = []string{"CrashLoopBackOff", "ImagePullBackOff", "Pending", "Completed"}[r.IntN(4)]
			}
			node := r.IntN(1000)
			add(pods, ns, app+"-"+hash+"-"+token(5), status, labels, map[string]string{
				"status.phase": "Running", "spec.nodeName": fmt.Sprintf("ip-10-0-%d-%d.%s.compute.internal", node/250, node%250, regions[node%5]),
				"status.podIP": fmt.Sprintf("10.%d.%d.%d", 32+r.IntN(32), r.IntN(250), r.IntN(250)), "status.hostIP": fmt.Sprintf("10.0.%d.%d", node/250, node%250),
				"spec.serviceAccountName": app, "metadata.owner": "ReplicaSet/" + app + "-" + hash, "spec.image": image,
				"status.restarts": fmt.Sprint(r.IntN(4) * r.IntN(3)), "status.qosClass": []string{"Burstable", "BestEffort", "Guaranteed"}[r.IntN(3)], "spec.containers": app + ",istio-proxy",
			})
		}
	}
	return out
}
