package apply

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkCore is everything that is computed for one edit: the draft, the intent, the patch and the difference.
func BenchmarkCore(b *testing.B) {
	var big strings.Builder
	big.WriteString("data:\n")
	for n := range 256 {
		fmt.Fprintf(&big, "  key-%d: |\n", n)
		for line := range 48 {
			fmt.Fprintf(&big, "    %04d some configuration with a few words on a line, and another few\n", line)
		}
	}
	web := deploymentText
	var env strings.Builder
	for n := range 100 {
		fmt.Fprintf(&env, ", {name: VARIABLE_%d, value: \"some value that is a bit longer %d\"}", n, n)
	}
	web = strings.Replace(web, `{name: B, value: "2"}`, `{name: B, value: "2"}`+env.String(), 1)
	for _, s := range []struct {
		name string
		c    *cluster
	}{{"Deployment8K", newCluster(b, deployments, web)}, {"ConfigMap1M", newCluster(b, configMaps, big.String())}} {
		b.Run(s.name, func(b *testing.B) {
			base := s.c.base()
			text, err := draftText(base)
			if err != nil {
				b.Fatal(err)
			}
			edited := []byte(strings.Replace(strings.Replace(string(text), "0007 some", "0007 other", 1), "replicas: 2", "replicas: 3", 1))
			b.SetBytes(int64(len(edited)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := parseDraft(edited, 2<<20, 0)
				if err != nil {
					b.Fatal(err)
				}
				i, err := newIntent(s.c.types, base, d)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := newPatch(s.c.types, base, i); err != nil {
					b.Fatal(err)
				}
				want, err := desired(s.c.types, base, i)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := newDiff(s.c.kind, base.Object, want, want); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseHostile is the worst that a draft within the limits costs.
func BenchmarkParseHostile(b *testing.B) {
	for name, text := range map[string]string{
		"commas": "a: [" + strings.Repeat("1,", 500_000) + "]",
		"dashes": strings.Repeat("-\n", 500_000),
		"keys":   strings.Repeat("? ", 500_000),
		"flow":   strings.Repeat("{a: [", 200_000),
		"bomb":   bomb(20),
		"chain":  chain(30_000),
		"quotes": "a: \"" + strings.Repeat("\\n", 500_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseDraft([]byte(text), 0, 0); err == nil {
					b.Fatal("taken")
				}
			}
		})
	}
}
