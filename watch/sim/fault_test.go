package sim

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

var listPods = Match{Verb: "list", Resource: "pods"}
var watchPods = Match{Verb: "watch", Resource: "pods"}

// TestRequestFaults injects what happens before a request is served; client-go's retries are off by a RetryAfter of none.
func TestRequestFaults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault Fault
		opts  metav1.ListOptions
		check func(error) bool
		took  time.Duration
	}{
		{"401", Fault{Match: listPods, Action: Status{Code: 401}}, metav1.ListOptions{}, apierrors.IsUnauthorized, 0},
		{"403", Fault{Match: listPods, Action: Forbid{}}, metav1.ListOptions{}, func(err error) bool {
			return apierrors.IsForbidden(err) && strings.HasPrefix(err.Error(), `pods is forbidden: User "system:admin" cannot list resource "pods"`)
		}, 0},
		{"429, ten retries", Fault{Match: listPods, Action: Status{Code: 429, RetryAfter: 7 * time.Second}}, metav1.ListOptions{}, apierrors.IsTooManyRequests, 70 * time.Second},
		{"500", Fault{Match: listPods, Action: Status{Code: 500, Message: "conversion webhook failed"}}, metav1.ListOptions{}, apierrors.IsInternalError, 0},
		{"503 without a Status", Fault{Match: listPods, Action: RawBody{Code: 503, ContentType: "text/html", Body: "<h1>bad day</h1>"}}, metav1.ListOptions{}, apierrors.IsServiceUnavailable, 0},
		{"410", Fault{Match: listPods, Action: Status{Code: 410}}, metav1.ListOptions{}, apierrors.IsResourceExpired, 0},
		{"expired continue", Fault{Action: ExpireContinue{}}, metav1.ListOptions{Continue: encodeContinue(1, "a")}, apierrors.IsResourceExpired, 0},
		{"expired continue, first page", Fault{Action: ExpireContinue{}}, metav1.ListOptions{}, nil, 0},
		{"too large", Fault{Action: TooLarge{}}, metav1.ListOptions{ResourceVersion: "2"}, isTooLarge, 43 * time.Second},
		{"too large, no version", Fault{Action: TooLarge{}}, metav1.ListOptions{}, nil, 0},
		{"delay", Fault{Match: listPods, Action: Delay{For: time.Minute}}, metav1.ListOptions{}, nil, time.Minute},
		{"reset", Fault{Match: listPods, Action: Reset{}}, metav1.ListOptions{}, func(err error) bool { return errors.Is(err, io.EOF) }, 10 * time.Second}, // ten retries
		{"truncated", Fault{Match: listPods, Action: Truncate{After: 100}}, metav1.ListOptions{}, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }, 0},
		{"trickle", Fault{Match: listPods, Action: Trickle{BytesPerSecond: 10}}, metav1.ListOptions{Limit: 1, FieldSelector: "metadata.name=none"}, nil, 3 * time.Second}, // an empty list of 34 bytes,
		{"other verb", Fault{Match: watchPods, Action: Status{Code: 500}}, metav1.ListOptions{}, nil, 0},
		{"other namespace", Fault{Match: Match{Namespace: "kube-system"}, Action: Status{Code: 500}}, metav1.ListOptions{}, nil, 0},
		{"other user", Fault{Match: Match{User: "jane"}, Action: Status{Code: 500}}, metav1.ListOptions{}, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Config{})
				mustCreate(t, s, testPod("default", "a"))
				i := s.Inject(tc.fault)
				start := time.Now()
				pods := typedClient(t, protobufConfig(s)).CoreV1().Pods("default")
				_, err := pods.List(testContext(t), tc.opts)
				if took := time.Since(start); took < tc.took || took >= tc.took+2*time.Second {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				if tc.check == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if !tc.check(err) {
					t.Errorf("error %v (%T)", err, err)
				}
				if i.Hits() == 0 {
					t.Error("the fault counted no hit")
				}
				i.Remove()
				i.Remove()
				if _, err := pods.List(testContext(t), metav1.ListOptions{}); err != nil {
					t.Errorf("after the fault: %v", err)
				}
			})
		})
	}
}

// TestFaultCounts lets one request pass, then hits two.
func TestFaultCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		pods := typedClient(t, restConfig(s)).CoreV1().Pods("")
		i := s.Inject(Fault{Match: listPods, Skip: 1, Times: 2, Action: Status{Code: 500}})
		var got []bool
		for range 5 {
			_, err := pods.List(testContext(t), metav1.ListOptions{})
			got = append(got, err != nil)
		}
		if diff := cmp.Diff([]bool{false, true, true, false, false}, got); diff != "" || i.Hits() != 2 {
			t.Errorf("failed (-want +got):\n%s, %d hits", diff, i.Hits())
		}
		if n := len(s.Requests(listPods)); n != 5 {
			t.Errorf("%d requests recorded, want 5", n)
		}
	})
}

// TestUndecodableItem breaks one item of a list: the whole list can't be decoded by client-go, in either encoding.
func TestUndecodableItem(t *testing.T) {
	for name, config := range map[string]func(*Server) *rest.Config{"json": restConfig, "protobuf": protobufConfig} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{})
			mustCreate(t, s, testPod("default", "a"), testPod("default", "b"))
			s.Inject(Fault{Match: listPods, Action: Undecodable{Name: "b"}})
			if l, err := typedClient(t, config(s)).CoreV1().Pods("").List(testContext(t), metav1.ListOptions{}); err == nil {
				t.Errorf("%s: decoded %d items", name, len(l.Items))
			}
		})
	}
}

// TestRefuse takes the server down and up: connections are refused, and accepted again.
func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		pods := typedClient(t, protobufConfig(s)).CoreV1().Pods("")
		w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		s.Refuse(true)
		if diff := cmp.Diff([]string{"end"}, drain(w)); diff != "" {
			t.Errorf("open watch (-want +got):\n%s", diff)
		}
		if _, err := pods.List(ctx, metav1.ListOptions{}); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("while down: %v, want connection refused", err)
		}
		s.Refuse(false)
		if _, err := pods.List(ctx, metav1.ListOptions{}); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}

// TestHalfOpen stalls a connection: nobody is told. With HTTP/2 client-go's pings notice within 45 s; with HTTP/1.1 nothing does.
func TestHalfOpen(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{TLS: tls})
			ctx := testContext(t)
			pods := typedClient(t, protobufConfig(s)).CoreV1().Pods("")
			w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision()), AllowWatchBookmarks: true})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			s.StallConnections()
			mustCreate(t, s, testPod("default", "a"))
			start := time.Now()
			select {
			case e, ok := <-w.ResultChan():
				if took := time.Since(start); !tls || ok && e.Type != watch.Error || took > 46*time.Second {
					t.Errorf("tls=%v: %v after %v", tls, e, took)
				}
			case <-time.After(10 * time.Minute):
				if tls {
					t.Error("HTTP/2 pings noticed nothing in 10 minutes")
				}
			}
			w.Stop()
			// A client that starts anew gets through.
			cfg := protobufConfig(s)
			if l, err := typedClient(t, cfg).CoreV1().Pods("").List(ctx, metav1.ListOptions{}); err != nil || len(l.Items) != 1 {
				t.Errorf("tls=%v: a new connection: %v", tls, err)
			}
		})
	}
}

// TestHang never answers: the request ends with its context.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		s.Inject(Fault{Match: listPods, Action: Hang{}})
		cfg := restConfig(s)
		cfg.Timeout = 5 * time.Second
		start := time.Now()
		_, err := typedClient(t, cfg).CoreV1().Pods("").List(testContext(t), metav1.ListOptions{})
		if err == nil || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v, want a timeout after 5s", err, time.Since(start))
		}
	})
}

// TestGzip compresses large lists when both sides want it.
func TestGzip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{Gzip: true})
		if _, err := s.Load(podSeq(100)); err != nil {
			t.Fatal(err)
		}
		for name, config := range map[string]func(*Server) *rest.Config{"json": restConfig, "protobuf": protobufConfig} {
			if l, err := typedClient(t, config(s)).CoreV1().Pods("").List(testContext(t), metav1.ListOptions{}); err != nil || len(l.Items) != 100 {
				t.Errorf("%s: %v", name, err)
			}
		}
		req, err := http.NewRequestWithContext(testContext(t), http.MethodGet, s.Host()+"/api/v1/pods", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		resp, err := httpClient(t, restConfig(s)).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if resp.Header.Get("Content-Encoding") != "gzip" || err != nil || len(b) > 200_000 {
			t.Errorf("%d bytes, encoding %q, %v", len(b), resp.Header.Get("Content-Encoding"), err)
		}
	})
}

// TestMetadataOnly asks for metadata alone, as the metadata client does.
func TestMetadataOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		mustCreate(t, s, testPod("default", "a"), widgets(), widget("v1", "w", 3))
		c := typedClient(t, restConfig(s)).CoreV1().RESTClient()
		for _, media := range []string{mediaJSON, mediaProtobuf} {
			for _, path := range []string{"/api/v1/pods", "/apis/example.test/v1/widgets"} {
				var l metav1.PartialObjectMetadataList
				b, err := c.Get().AbsPath(path).SetHeader("Accept", media+";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").Do(testContext(t)).Raw()
				if err != nil {
					t.Fatal(err)
				}
				if media == mediaProtobuf {
					_, _, err = protoCodec.Decode(b, nil, &l)
				} else {
					_, _, err = strictJSON.Decode(b, nil, &l)
				}
				if err != nil || len(l.Items) != 1 || l.Items[0].UID == "" {
					t.Errorf("%s of %s: %+v, %v", media, path, l.Items, err)
				}
			}
		}
	})
}
