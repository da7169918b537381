package sim

import (
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Config says what kind of server to simulate. The zero value is a server that admits everyone.
type Config struct {
	// Seed makes uids and generated names repeatable.
	Seed uint64
	// Version is what /version answers; "" means DefaultVersion.
	Version string
	// BookmarkPeriod is the time between bookmarks of a watch that asked for them; 0 means one minute.
	BookmarkPeriod time.Duration
	// WatchTimeout ends a watch whose client named no timeoutSeconds; 0 means 30 minutes. As in the
	// real server the end is drawn between one and two times this value.
	WatchTimeout time.Duration
	// History is how many events of one resource are kept for watches to start from, as the watch
	// cache of the real server does; 0 means 10,000.
	History int
	// Plain keeps bulk-loaded objects uncompressed: about ten times the memory, and a list takes a third of the CPU time.
	Plain bool
	// RequestLog is how many requests Requests remembers; 0 means 20,000.
	RequestLog int
	// TLS makes Dial and Start speak TLS, and so HTTP/2 with clients that offer it. The certificate is made
	// by New for the names of Host and for loopback addresses, and is valid at any time that a test may see.
	TLS bool
	// Authenticate maps a bearer token ("" when there is none) to a user; false answers 401.
	// nil admits every request: "sim-user:NAME" is NAME, anything else system:admin.
	Authenticate func(token string) (user string, ok bool)
	// Authorize decides on one request; false answers 403. nil allows everything. Verb is the API verb
	// ("list"), or the HTTP verb in lower case for paths that are no resources; then resource is the path.
	Authorize func(user, verb, group, resource, namespace string) (allowed bool, reason string)
	// Controller is the field manager of writes by the Go API; "" means "kube-controller-manager".
	Controller string
	// Gzip compresses lists above 128 KiB for clients that accept it, as the real server does. Watches are
	// never compressed.
	Gzip bool
	// Tabulate makes the rows of tables of built-in kinds: column definitions, and the cells of obj in them. nil, and kinds
	// for which it returns no columns, get name and age. obj is empty when only the columns are asked for.
	Tabulate func(obj runtime.Object, now time.Time) ([]metav1.TableColumnDefinition, []any)
	// OnSend is told what the server has said to its clients about resources: pages of lists, and what watches send. It is
	// called by the goroutines of requests and must not block.
	OnSend func(Sent)
	// Logger gets what net/http has to say about connections; nil discards it.
	Logger *slog.Logger
}

// DefaultVersion is the version of Kubernetes the server says it is.
const DefaultVersion = "v1.36.3"

const (
	defaultBookmarkPeriod = time.Minute
	defaultWatchTimeout   = 30 * time.Minute // --min-request-timeout of the real server
	defaultController     = "kube-controller-manager"
	defaultHistory        = 10_000
	defaultRequestLog     = 20_000
	// preTimeoutBookmark is how long before its deadline a watch gets its last bookmark.
	preTimeoutBookmark = 2 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = DefaultVersion
	}
	if c.BookmarkPeriod <= 0 {
		c.BookmarkPeriod = defaultBookmarkPeriod
	}
	if c.WatchTimeout <= 0 {
		c.WatchTimeout = defaultWatchTimeout
	}
	if c.Controller == "" {
		c.Controller = defaultController
	}
	if c.History <= 0 {
		c.History = defaultHistory
	}
	if c.RequestLog <= 0 {
		c.RequestLog = defaultRequestLog
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
