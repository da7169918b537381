package sim

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// These clients are client-go's own: nothing of this package's server code helps them.

// restConfig is a client configuration over memory.
func restConfig(s *Server) *rest.Config {
	return &rest.Config{
		Host: s.Host(), Dial: s.Dial, QPS: -1, TLSClientConfig: rest.TLSClientConfig{CAData: s.CA()},
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }, // whatever the environment names
	}
}

// protobufConfig asks for protobuf and takes JSON.
func protobufConfig(s *Server) *rest.Config {
	cfg := restConfig(s)
	cfg.ContentType = mediaProtobuf
	cfg.AcceptContentTypes = mediaProtobuf + "," + mediaJSON
	return cfg
}

// httpClient is one transport that ends with the test.
func httpClient(t *testing.T, cfg *rest.Config) *http.Client {
	t.Helper()
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hc.CloseIdleConnections)
	return hc
}

func typedClient(t *testing.T, cfg *rest.Config) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfigAndClient(cfg, httpClient(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dynamicClient(t *testing.T, cfg *rest.Config) *dynamic.DynamicClient {
	t.Helper()
	c, err := dynamic.NewForConfigAndClient(cfg, httpClient(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newServer is a server that ends with the test.
func newServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	s := New(cfg)
	t.Cleanup(s.Close)
	return s
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // virtual in bubbles; elsewhere only a backstop
	t.Cleanup(cancel)
	return ctx
}

var (
	podsGVR = corev1.SchemeGroupVersion.WithResource("pods")
	cmsGVR  = corev1.SchemeGroupVersion.WithResource("configmaps")
)

// testPod is a pod with something in each part.
func testPod(namespace, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "main", Image: "example.test/web:1"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
}

func mustCreate(t testing.TB, s *Server, objs ...runtime.Object) {
	t.Helper()
	for _, o := range objs {
		if err := s.Create(o); err != nil {
			t.Fatal(err)
		}
	}
}
