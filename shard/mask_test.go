package shard

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"orka/watch"
)

func TestMaskText(t *testing.T) {
	o := &watch.Object{
		Kind: pods, Namespace: "kube-system", Name: "coredns-7c65d6cfc9-x2f4q", Status: "Running",
		Fields: watch.PackPairs(map[string]string{"status.podIP": "10.244.0.3", "image": "registry.k8s.io/coredns:v1.11@sha256"}),
	}
	for _, text := range []string{"", "coredns", "KUBE-SYSTEM/coredns", "pod", "running", "10.244", "k8s.io/coredns:v1", "@sha", "kube system", "\u212Aube"} {
		if miss := MaskText(text) &^ MaskOf(o); miss != 0 {
			t.Errorf("%q is in the object but misses %#x", text, miss)
		}
	}
	for _, text := range []string{"j", "b=c", "%", "größe", "日本"} {
		if MaskText(text)&^MaskOf(o) == 0 {
			t.Errorf("%q is not in the object and its mask should say so", text)
		}
	}
}

// TestMaskOfSubsequences states the promise over random texts in several scripts and random foldings of case.
func TestMaskOfSubsequences(t *testing.T) {
	alphabet := []rune("abcXYZ0189-./:_=,@%+*()[]{}<>'\"`#&$!?;|^~\\ \tßẞſsKKkİiıIΣσςéÉ日本語ǅǆ🙂\u00a0")
	eachSeed(t, 3000, func(t *testing.T, seed uint64, r *rand.Rand) {
		word := func() string {
			out := make([]rune, r.IntN(12))
			for i := range out {
				out[i] = alphabet[r.IntN(len(alphabet))]
			}
			return string(out)
		}
		o := &watch.Object{Kind: pods, Namespace: word(), Name: word(), Status: word(), Fields: watch.PackPairs(map[string]string{"a": word(), "b": word()})}
		a, _ := o.Fields.Get("a")
		b, _ := o.Fields.Get("b")
		document := strings.Join([]string{o.Kind.Kind, o.NamespacedName(), o.Status, a, b}, " ")
		var sub []rune
		for _, c := range document {
			if r.IntN(2) == 0 {
				continue
			}
			switch r.IntN(4) {
			case 0:
				c = unicode.ToLower(c)
			case 1:
				c = unicode.ToUpper(c)
			case 2:
				c = unicode.SimpleFold(c)
			}
			sub = append(sub, c)
		}
		if miss := MaskText(string(sub)) &^ MaskOf(o); miss != 0 {
			t.Errorf("seed %d: %q is a subsequence of %q but misses %#x", seed, string(sub), document, miss)
		}
	})
}
