package cluster

// The simulated company: its teams, their programs, its platform.

// Role is what a component does; it decides the shape of its pods and which objects stand around it.
type role uint8

const (
	roleAPI    role = iota // Deployment behind a Service
	roleWeb                // Deployment behind a Service, an Ingress and a Certificate
	roleWorker             // Deployment that only consumes
	roleCache              // StatefulSet, small volumes
	roleQueue              // StatefulSet, large volumes
	roleDB                 // PostgresCluster custom resource that owns its pods
	roleBatch              // CronJob
	roleAgent              // DaemonSet
)

func (r role) String() string {
	return [...]string{"api", "frontend", "worker", "cache", "queue", "database", "batch", "agent"}[r]
}

// component is one program of a team. Image is empty for what the company builds itself.
type component struct {
	name  string
	role  role
	image string // repository without tag, for third-party programs
	tag   string
}

type team struct {
	name       string
	costCenter string
	mesh       bool // its production pods carry a proxy side-car
	components []component
}

const (
	company  = "fernhill"
	domain   = company + ".example"
	registry = "registry." + domain
	region   = "eu-west-1"
)

func vendor(name string, r role, image, tag string) component {
	return component{name: name, role: r, image: image, tag: tag}
}

func redis(name string) component {
	return vendor(name, roleCache, "docker.io/library/redis", "7.4.2-alpine")
}

func kafka(name string) component {
	return vendor(name, roleQueue, "docker.io/apache/kafka", "3.9.0")
}

func postgres(name string) component {
	return vendor(name, roleDB, "ghcr.io/cloudnative-pg/postgresql", "17.2")
}

func own(r role, names ...string) []component {
	out := make([]component, len(names))
	for i, n := range names {
		out[i] = component{name: n, role: r}
	}
	return out
}

func components(groups ...[]component) (out []component) {
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

// teams come in groups of six; the first group fills a small cluster.
var teams = []team{
	{"payments", "cc-4100", true, components(own(roleAPI, "payment-api", "webhook-relay"), []component{postgres("payments-db")},
		own(roleWorker, "refund-processor", "ledger-sync"), own(roleBatch, "settlement-report"), []component{redis("idempotency-cache")})},
	{"checkout", "cc-4100", false, components(own(roleWeb, "checkout-web"), own(roleAPI, "checkout-api", "cart-service", "promo-engine"),
		[]component{redis("cart-cache")}, own(roleBatch, "abandoned-cart-mailer"))},
	{"search", "cc-4230", false, components(own(roleAPI, "search-api", "query-suggest"), own(roleWorker, "index-builder"),
		[]component{vendor("search-index", roleQueue, "docker.io/opensearchproject/opensearch", "2.18.0")}, own(roleBatch, "reindex-nightly"))},
	{"catalog", "cc-4230", false, components(own(roleWeb, "catalog-web"), own(roleAPI, "catalog-api"), []component{postgres("catalog-db")},
		own(roleWorker, "image-resizer"), own(roleBatch, "price-import"))},
	{"identity", "cc-2000", true, components(own(roleWeb, "login-web"), own(roleAPI, "auth-gateway", "token-service"),
		[]component{redis("session-cache"), postgres("identity-db")}, own(roleBatch, "stale-session-sweeper"))},
	{"orders", "cc-4110", false, components(own(roleAPI, "order-api"), own(roleWorker, "order-worker", "invoice-renderer"),
		[]component{kafka("order-events"), postgres("orders-db")}, own(roleBatch, "order-archive"))},

	{"shipping", "cc-4310", false, components(own(roleAPI, "rates-api", "tracking-api"), own(roleWorker, "label-printer", "carrier-poller"), []component{postgres("shipping-db")})},
	{"notifications", "cc-4310", false, components(own(roleAPI, "notify-api"), own(roleWorker, "mail-sender", "push-sender", "sms-sender"), []component{kafka("notify-queue"), redis("dedupe-cache")})},
	{"fraud", "cc-2000", false, components(own(roleAPI, "risk-scorer", "rules-api"), own(roleWorker, "chargeback-watcher"), []component{redis("velocity-cache")}, own(roleBatch, "model-refresh"))},
	{"pricing", "cc-4230", false, components(own(roleAPI, "pricing-api", "tax-service"), own(roleWorker, "competitor-crawler"), []component{postgres("pricing-db")}, own(roleBatch, "fx-rates-import"))},
	{"analytics", "cc-5010", false, components(own(roleWeb, "insights-web"), own(roleAPI, "event-collector"), own(roleWorker, "sessionizer"), []component{kafka("clickstream")}, own(roleBatch, "daily-rollup", "cohort-export"))},
	{"ml-platform", "cc-5010", false, components(own(roleAPI, "feature-store", "recommender"), own(roleWorker, "embedding-worker"), []component{redis("feature-cache")}, own(roleBatch, "train-recommender"))},

	{"loyalty", "cc-4400", false, components(own(roleAPI, "points-api"), own(roleWeb, "rewards-web"), []component{postgres("points-db")}, own(roleBatch, "points-expiry"))},
	{"support", "cc-4400", false, components(own(roleWeb, "agent-desk"), own(roleAPI, "ticket-api", "chat-gateway"), []component{postgres("tickets-db"), redis("presence-cache")})},
	{"billing", "cc-2100", true, components(own(roleAPI, "billing-api", "subscription-api"), own(roleWorker, "dunning-worker"), []component{postgres("billing-db")}, own(roleBatch, "invoice-run"))},
	{"inventory", "cc-4110", false, components(own(roleAPI, "stock-api", "reservation-api"), own(roleWorker, "warehouse-sync"), []component{kafka("stock-events")}, own(roleBatch, "stocktake-import"))},
	{"media", "cc-4230", false, components(own(roleAPI, "media-api"), own(roleWorker, "transcoder", "thumbnailer"), []component{redis("upload-cache")}, own(roleBatch, "orphan-cleanup"))},
	{"mobile", "cc-4500", false, components(own(roleAPI, "mobile-bff", "device-registry"), own(roleWeb, "deeplink-web"), []component{redis("bff-cache")})},
	{"growth", "cc-4500", false, components(own(roleWeb, "landing-web"), own(roleAPI, "experiment-api", "referral-api"), own(roleWorker, "audience-sync"), own(roleBatch, "campaign-export"))},
	{"data-platform", "cc-5010", false, components(own(roleAPI, "query-gateway", "schema-registry"), own(roleWorker, "cdc-connector"), []component{kafka("data-bus"), postgres("metastore-db")}, own(roleBatch, "warehouse-load"))},
}

// platform is what the company runs for its teams, by namespace.
var platform = []struct {
	namespace  string
	components []component
}{
	{"kube-system", []component{
		vendor("coredns", roleAPI, "registry.k8s.io/coredns/coredns", "v1.12.0"),
		vendor("metrics-server", roleAPI, "registry.k8s.io/metrics-server/metrics-server", "v0.7.2"),
		vendor("cluster-autoscaler", roleWorker, "registry.k8s.io/autoscaling/cluster-autoscaler", "v1.36.0")}},
	{"ingress-nginx", []component{vendor("ingress-nginx-controller", roleAPI, "registry.k8s.io/ingress-nginx/controller", "v1.12.0")}},
	{"pki-system", []component{vendor("pki-controller", roleWorker, "ghcr.io/fernhill/pki-controller", "v1.16.3")}},
	{"gitops-system", []component{
		vendor("source-controller", roleWorker, "ghcr.io/fernhill/gitops-source", "v1.4.1"),
		vendor("kustomize-controller", roleWorker, "ghcr.io/fernhill/gitops-kustomize", "v1.4.0")}},
	{"monitoring", []component{
		vendor("prometheus", roleQueue, "quay.io/prometheus/prometheus", "v3.1.0"),
		vendor("alertmanager", roleCache, "quay.io/prometheus/alertmanager", "v0.28.0"),
		vendor("grafana", roleWeb, "docker.io/grafana/grafana", "11.4.0"),
		vendor("loki", roleQueue, "docker.io/grafana/loki", "3.3.2")}},
}

// agents run once on every node of a pool.
var agents = []component{
	vendor("cilium", roleAgent, "quay.io/cilium/cilium", "v1.17.0"),
	vendor("kube-proxy", roleAgent, "registry.k8s.io/kube-proxy", "v1.36.3"),
	vendor("node-exporter", roleAgent, "quay.io/prometheus/node-exporter", "v1.8.2"),
	vendor("fluent-bit", roleAgent, "docker.io/fluent/fluent-bit", "3.2.4"),
	vendor("ebs-csi-node", roleAgent, "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver", "v1.38.1"),
}

// namedEnvs are filled team by team before cells and previews begin.
var namedEnvs = []string{"prod", "staging", "dev"}

var laterEnvs = []string{"prod-eu", "prod-us", "qa", "perf", "prod-ap"}
