package search

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/search/query"
	"orka/shard"
	"orka/watch"
)

func parse(t testing.TB, line string) query.Query {
	t.Helper()
	q, err := query.Parse(line)
	if err != nil {
		t.Fatalf("Parse(%s): %v", line, err)
	}
	return q
}

func find(t testing.TB, ix *Index, line string, opts Options) *Result {
	t.Helper()
	if opts.Now.IsZero() {
		opts.Now = now
	}
	res, err := ix.Search(context.Background(), parse(t, line), opts)
	if err != nil {
		t.Fatalf("Search(%s): %v", line, err)
	}
	return res
}

// The first hits for what people type, on a small cluster with the usual names.
func TestRanking(t *testing.T) {
	o := func(k *watch.Kind, key, status string, fields ...string) *watch.Object {
		ns, name, namespaced := strings.Cut(key, "/")
		if !namespaced {
			ns, name = "", key
		}
		m := map[string]string{}
		for i := 0; i < len(fields); i += 2 {
			m[fields[i]] = fields[i+1]
		}
		return &watch.Object{Kind: k, Namespace: ns, Name: name, UID: k.Kind + key, Status: status, Fields: watch.PackPairs(m)}
	}
	pod := func(key, status, node, ip, image string) *watch.Object {
		return o(pods, key, status, "spec.nodeName", node, "status.podIP", ip, "spec.image", image)
	}
	ix := Build(shard.BuildWorld(shard.Modulo(4),
		pod("prod/nginx-7d9f8b6c5d-x2k4q", "Running", "worker-1", "10.42.1.17", "docker.io/nginx:1.25"),
		pod("prod/nginx-7d9f8b6c5d-zzb7c", "CrashLoopBackOff", "worker-2", "10.42.2.17", "docker.io/nginx:1.25"),
		pod("prod/checkout-api-6c7f9d5b8-mq2xs", "Running", "worker-1", "10.42.1.170", "registry.example.com/shop/checkout:v2"),
		pod("staging/checkout-api-5b8c6d7f9-pl9vn", "CrashLoopBackOff", "worker-3", "10.42.3.4", "registry.example.com/shop/checkout:v3"),
		pod("staging/nginx-prod-mirror-59c8-abcde", "Running", "worker-3", "10.42.3.5", "docker.io/nginx:1.27"),
		pod("kube-system/ingress-nginx-controller-4x7wd", "Running", "worker-2", "10.42.2.2", "registry.k8s.io/ingress-nginx/controller:v1.9"),
		pod("web/crash-reporter-0", "Running", "worker-1", "10.42.1.9", "example.com/crash-reporter:1"),
		o(deployments, "prod/nginx", "2/2", "spec.image", "docker.io/nginx:1.25"),
		o(services, "prod/nginx", "ClusterIP", "spec.clusterIP", "172.20.42.1"),
		o(deployments, "prod/checkout-api", "1/1"),
		o(configMaps, "prod/checkout-api-config", ""),
		o(configMaps, "staging/pod-security", ""),
		o(ingresses, "prod/shop", "", "spec.host", "shop.example.com"),
		o(namespaces, "prod", "Active"), o(namespaces, "staging", "Active"),
		o(nodes, "worker-1", "Ready", "status.internalIP", "192.168.0.11"), o(nodes, "worker-2", "Ready"), o(nodes, "worker-3", "NotReady"),
		o(roles, "system:node", ""),
	))
	for _, c := range []struct {
		line string
		want []string // the first hits
	}{
		{"nginx", []string{"Service prod/nginx", "Deployment prod/nginx", "Pod prod/nginx-7d9f8b6c5d-x2k4q", "Pod prod/nginx-7d9f8b6c5d-zzb7c", "Pod staging/nginx-prod-mirror-59c8-abcde", "Pod kube-system/ingress-nginx-controller-4x7wd"}},
		{"NGINX", []string{"Service prod/nginx", "Deployment prod/nginx"}},
		{"nginx prod", []string{"Service prod/nginx", "Deployment prod/nginx", "Pod prod/nginx-7d9f8b6c5d-x2k4q", "Pod prod/nginx-7d9f8b6c5d-zzb7c", "Pod staging/nginx-prod-mirror-59c8-abcde"}},
		{"prod/nginx", []string{"Service prod/nginx", "Deployment prod/nginx", "Pod prod/nginx-7d9f8b6c5d-x2k4q", "Pod prod/nginx-7d9f8b6c5d-zzb7c"}},
		{"svc nginx", []string{"Service prod/nginx"}},
		{"deploy", []string{"Deployment prod/checkout-api", "Deployment prod/nginx"}},
		{"prod", []string{"Namespace prod", "Pod staging/nginx-prod-mirror-59c8-abcde"}},
		{"pod crash", []string{"Pod web/crash-reporter-0", "Pod prod/nginx-7d9f8b6c5d-zzb7c", "Pod staging/checkout-api-5b8c6d7f9-pl9vn"}},
		{"pods", []string{"Pod kube-system/ingress-nginx-controller-4x7wd", "Pod prod/checkout-api-6c7f9d5b8-mq2xs"}},
		{"checkapi", []string{"Deployment prod/checkout-api", "ConfigMap prod/checkout-api-config"}},
		{"10.42.1.17", []string{"Pod prod/nginx-7d9f8b6c5d-x2k4q", "Pod prod/checkout-api-6c7f9d5b8-mq2xs"}},
		{"worker-1", []string{"Node worker-1", "Pod prod/checkout-api-6c7f9d5b8-mq2xs", "Pod prod/nginx-7d9f8b6c5d-x2k4q", "Pod web/crash-reporter-0"}},
		{"nginx:1.27", nil}, // an unknown filter; in quotes:
		{`"nginx:1.27"`, []string{"Pod staging/nginx-prod-mirror-59c8-abcde"}},
		{"shop.example.com", []string{"Ingress prod/shop"}},
		{"x2k4q", []string{"Pod prod/nginx-7d9f8b6c5d-x2k4q"}},
		{"notready", []string{"Node worker-3"}},
		{"k:pod -ns:prod nginx", []string{"Pod staging/nginx-prod-mirror-59c8-abcde", "Pod kube-system/ingress-nginx-controller-4x7wd"}},
		{"k:cm", []string{"ConfigMap prod/checkout-api-config", "ConfigMap staging/pod-security"}},
		{"k:pod field:spec.nodeName=worker-3", []string{"Pod staging/checkout-api-5b8c6d7f9-pl9vn", "Pod staging/nginx-prod-mirror-59c8-abcde"}},
		{`"system:node"`, []string{"ClusterRole system:node"}},
	} {
		q, err := query.Parse(c.line)
		if err != nil {
			if c.want != nil {
				t.Errorf("Parse(%s): %v", c.line, err)
			}
			continue
		}
		res, err := ix.Search(context.Background(), q, Options{Explain: true})
		if err != nil {
			t.Fatal(err)
		}
		var got, why []string
		for _, h := range res.Hits {
			got = append(got, h.Object.Kind.Kind+" "+h.Object.NamespacedName())
			why = append(why, fmt.Sprintf("%d %d %s: %s", h.Tier, h.Score, got[len(got)-1], h.Explain))
		}
		if diff := cmp.Diff(c.want, got[:min(len(got), len(c.want))]); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", c.line, diff, strings.Join(why, "\n"))
		}
	}
}

func TestExplain(t *testing.T) {
	pod := &watch.Object{Kind: pods, Namespace: "prod", Name: "nginx-1", Status: "Running", Fields: watch.PackPairs(map[string]string{"spec.nodeName": "worker-1"})}
	ix := Build(shard.BuildWorld(shard.Modulo(1), pod))
	for line, want := range map[string]string{
		"nginx prod": `nginx: prefix of name, 208; prod: kind or namespace "Pod prod/nginx-1", 58`,
		"worker":     `worker: field spec.nodeName "worker-1", 613`,
		"rning":      `rning: fuzzy in field status "Running", 28`,
		"po":         `po: kind or namespace "po", 15`,
		"n1":         `n1: fuzzy in name, 25`,
		"k:pod":      ``,
	} {
		res := find(t, ix, line, Options{Explain: true})
		if len(res.Hits) != 1 {
			t.Errorf("%s: %d hits", line, len(res.Hits))
			continue
		}
		if got := res.Hits[0].Explain; got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestHighlight(t *testing.T) {
	pod := &watch.Object{Kind: pods, Namespace: "prod", Name: "nginx-ng", Status: "Running"}
	for line, want := range map[string]string{
		"nginx": "     ^^^^^   ", "prod": "^^^^         ", "prod/ng": "^^^^^^^      ", "nng": "     ^     ^^", "nginx prod": "^^^^ ^^^^^   ",
		"pod": "             ", "podnginx": "     ^^^^^   ", "running": "             ", "-nginx": "             ", "k:pod": "             ",
	} {
		got := []byte(strings.Repeat(" ", len(pod.NamespacedName())))
		for _, i := range Highlight(parse(t, line), pod) {
			got[i] = '^'
		}
		if string(got) != want {
			t.Errorf("%s\n%s\n%s\n%s is wanted", line, pod.NamespacedName(), got, want)
		}
	}
	// Where the library overflows, positions must still lie inside.
	long := &watch.Object{Kind: pods, Name: strings.Repeat("ab", 60) + "-" + strings.Repeat("c", 60)}
	for _, text := range []string{strings.Repeat("ab", 60) + strings.Repeat("c", 60), strings.Repeat("c", 59), strings.Repeat("a", 50)} {
		at := Highlight(parse(t, text), long)
		if len(at) == 0 || !slices.IsSorted(at) || at[len(at)-1] >= len(long.Name) {
			t.Errorf("%d characters: %v", len(text), at)
		}
	}
}

// A hit's Explain and the scan come from different code; they must tell the same.
func TestPlacementEqualsScan(t *testing.T) {
	rnd := newRand(t)
	objects := randomObjects(rnd, 800)
	ix := Build(shard.BuildWorld(shard.Modulo(4), objects...))
	for range 200 {
		line := randomText(rnd, objects)
		for _, h := range find(t, ix, line, Options{}).Hits {
			p, ok := newTerm(parse(t, line).Terms[0].Text).place(h.Object)
			if !ok || p.tier != h.Tier || p.score != h.Score {
				t.Fatalf("%s on %s: placed %+v %v, found in tier %d with %d", line, h.Object.NamespacedName(), p, ok, h.Tier, h.Score)
			}
		}
	}
}

func TestLimitsAndTotals(t *testing.T) {
	objects := corpus(5, 5000)
	byName := slices.Clone(objects)
	slices.SortFunc(byName, func(a, b *watch.Object) int {
		if c := a.CompareName(b); c != 0 {
			return c
		}
		return a.Kind.Compare(b.Kind.GVK)
	})
	var before []refHit
	for name, p := range planners {
		ix := Build(shard.BuildWorld(p, objects...))
		if res := find(t, ix, "", Options{Limit: 7}); res.Total != len(objects) || len(res.Hits) != 7 || res.Hits[6].Object != byName[6] {
			t.Errorf("%s: the first 7 of all: %d hits of %d", name, len(res.Hits), res.Total)
		}
		if res := find(t, ix, "", Options{}); len(res.Hits) != len(objects) || res.Hits[len(objects)-1].Object != byName[len(objects)-1] {
			t.Errorf("%s: all: %d hits", name, len(res.Hits))
		}
		// A cut to the first candidates is the same whatever the shards, and says so.
		all, cut := find(t, ix, "check", Options{}), find(t, ix, "check", Options{MaxCandidates: 100})
		if cut.Candidates != 100 || cut.Total > 100 || cut.Partial != fmt.Sprintf("only the first 100 of %d candidates were evaluated", all.Candidates) || all.Partial != "" {
			t.Errorf("%s: cut to %d candidates, total %d, %q", name, cut.Candidates, cut.Total, cut.Partial)
		}
		if before != nil {
			if diff := cmp.Diff(before, hitsOf(cut)); diff != "" {
				t.Errorf("%s: other hits after the cut:\n%s", name, diff)
			}
		}
		before = hitsOf(cut)
		if res := find(t, ix, "k:pod", Options{MaxCandidates: 3}); res.Total != 3 || len(res.Hits) != 3 || res.Partial == "" {
			t.Errorf("%s: first 3 pods: %d of %d, %q", name, len(res.Hits), res.Total, res.Partial)
		}
		if res := find(t, ix, "check", Options{MaxCandidates: 1 << 30}); res.Total != all.Total || res.Partial != "" {
			t.Errorf("%s: with room for all candidates: %d of %d, %q", name, res.Total, all.Total, res.Partial)
		}
	}
}

func TestEmptyWorld(t *testing.T) {
	ix := Build(shard.BuildWorld(shard.Modulo(4)))
	for _, line := range []string{"", "nginx", "k:pod", "-x"} {
		if res := find(t, ix, line, Options{MaxCandidates: 1}); res.Total != 0 || res.Hits == nil || len(res.Hits) != 0 {
			t.Errorf("%q: %+v", line, res)
		}
	}
}

func TestSelectsKind(t *testing.T) {
	for line, want := range map[string]string{
		"": "Pod Deployment ClusterRole", "nginx": "Pod Deployment ClusterRole", "k:po": "Pod", "k:deploy.apps,v1/Pod": "Pod Deployment", "-k:pod": "Deployment ClusterRole",
		"g:core": "Pod", "g:*.k8s.io": "ClusterRole", "g:apps k:pod": "", "k:*s": "Pod Deployment ClusterRole",
	} {
		var got []string
		for _, k := range []*watch.Kind{pods, deployments, roles} {
			if SelectsKind(parse(t, line), k) {
				got = append(got, k.Kind)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q selects %v, want %s", line, got, want)
		}
	}
}

func TestCancel(t *testing.T) {
	ix := Build(shard.BuildWorld(shard.Modulo(4), corpus(6, 20_000)...))
	gone := errors.New("the next query")
	for _, line := range []string{"", "check", "k:pod is:stale", "is:stale api"} {
		for _, after := range []int{0, 3} {
			ctx, cancel := context.WithCancelCause(context.Background())
			calls := 0
			if after == 0 {
				cancel(gone)
			}
			opts := Options{MaxCandidates: 50, Stale: func(*watch.Object) bool {
				if calls++; calls == after {
					cancel(gone)
				}
				return true
			}}
			if after > 0 && !strings.Contains(line, "stale") {
				cancel(nil)
				continue
			}
			// One worker: the count above is not made for more.
			res, err := onOneProcessor(func() (*Result, error) { return ix.Search(ctx, parse(t, line), opts) })
			if !errors.Is(err, gone) || res != nil {
				t.Errorf("%q cancelled after %d: %v, %v", line, after, res, err)
			}
			if calls > after+shard.PageSize {
				t.Errorf("%q cancelled after %d: went on for %d", line, after, calls)
			}
			cancel(nil)
		}
	}
}

// Following a World step by step finds what an index made at once finds, and takes over what did not change.
func TestAdvanceEqualsBuild(t *testing.T) {
	rnd := newRand(t)
	for _, p := range planners {
		store := shard.NewSerial(p)
		objects := randomObjects(rnd, 600)
		put(store, 1, objects...)
		ix := Build(store.World())
		for range 25 {
			churn(rnd, store, &objects)
			w := store.World()
			before := ix
			ix = ix.Advance(w)
			fresh := Build(w)
			if ix.World() != w || ix.Len() != w.Len() {
				t.Fatalf("the index has %d documents, the World %d", ix.Len(), w.Len())
			}
			checkReuse(t, before, ix)
			checkPages(t, ix)
			if ix.Bytes() < fresh.Bytes()*9/10 || ix.Bytes() > fresh.Bytes()*3 {
				t.Errorf("%d bytes, built at once %d", ix.Bytes(), fresh.Bytes())
			}
			for range 4 {
				line := randomQuery(rnd, objects)
				opts := randomOptions(rnd)
				want, got := find(t, fresh, line, opts), find(t, ix, line, opts)
				if diff := cmp.Diff(hitsOf(want), hitsOf(got)); diff != "" || want.Total != got.Total {
					t.Fatalf("%s: total %d, built at once %d:\n%s", line, got.Total, want.Total, diff)
				}
			}
		}
		if ix.Advance(ix.World()) != ix {
			t.Error("an index of the same World is a new one")
		}
	}
}

// TestAdvanceOverAForgottenKind: a kind is forgotten and listed anew, with other namespaces, and the index sees only the World
// after both. Ids of the old tables mean nothing in the new ones.
func TestAdvanceOverAForgottenKind(t *testing.T) {
	pod := func(ns, name string) *watch.Object {
		return &watch.Object{Kind: pods, Namespace: ns, Name: name, UID: ns + name}
	}
	c := pod("team-b", "c")
	store := shard.NewSerial(nil)
	put(store, 1, pod("team-a", "a"), pod("team-b", "b"), c)
	ix := Build(store.World())
	store.Forget(pods)
	put(store, 2, c, pod("team-b", "d")) // c is the very object from before
	ix = ix.Advance(store.World())
	checkPages(t, ix)
	for _, ns := range []string{"team-a", "team-b"} {
		if got, want := find(t, ix, "ns:"+ns, Options{Limit: 10}).Total, find(t, Build(store.World()), "ns:"+ns, Options{Limit: 10}).Total; got != want {
			t.Errorf("%d objects in %s, want %d", got, ns, want)
		}
	}
}

// churn changes, adds and deletes some objects.
func churn(r *rand.Rand, store *shard.Serial, objects *[]*watch.Object) {
	version := fmt.Sprint(1_000_000 + r.IntN(1<<30))
	for range r.IntN(30) {
		switch i := r.IntN(len(*objects)); r.IntN(4) {
		case 0:
			o := (*objects)[i]
			store.Apply(watch.Delta{Op: watch.Deleted, Object: o, Generation: 1})
			*objects = slices.Delete(*objects, i, i+1)
		case 1:
			o := randomObject(r, 1_000_000+r.IntN(1<<30))
			if slices.ContainsFunc(*objects, func(p *watch.Object) bool { return p.Kind == o.Kind && p.CompareName(o) == 0 }) {
				continue
			}
			*objects = append(*objects, o)
			put(store, 1, o)
		default:
			o := *randomObject(r, i)
			old := (*objects)[i]
			o.Kind, o.Namespace, o.Name, o.UID, o.ResourceVersion = old.Kind, old.Namespace, old.Name, old.UID, version
			(*objects)[i] = &o
			put(store, 1, &o)
		}
	}
}

func checkReuse(t *testing.T, before, after *Index) {
	t.Helper()
	old := map[*shard.Page]*page{}
	for _, s := range before.shards {
		for _, p := range s.pages {
			old[p.src] = p
		}
	}
	for _, s := range after.shards {
		for _, p := range s.pages {
			if q := old[p.src]; q != nil && q != p {
				t.Fatalf("a page of %s that did not change was made anew", s.src.Key)
			}
		}
	}
}

// checkPages compares each page with one made from nothing.
func checkPages(t *testing.T, ix *Index) {
	t.Helper()
	b := newPageBuilder()
	pairs := func(s *section) map[string]uint64 {
		m := map[string]uint64{}
		for _, g := range s.groups {
			key := "(status)"
			if g.key != statusKey {
				key = s.keys[g.key]
			}
			for i := g.from; i < g.to; i++ {
				if s.docs[i] == 0 || s.masks[i]&^g.mask != 0 {
					t.Fatalf("pair %s=%s: docs %x, mask %x of group %x", key, s.value(int(i)), s.docs[i], s.masks[i], g.mask)
				}
				m[key+"="+s.value(int(i))+fmt.Sprint(s.masks[i], s.refs[i].class)] |= s.docs[i]
			}
		}
		return m
	}
	for _, s := range ix.shards {
		for i, p := range s.pages {
			if p.src != s.src.Pages[i] {
				t.Fatalf("page %d of %s is another's", i, s.src.Key)
			}
			q := b.build(p.src)
			if p.names != q.names || p.nameClass != q.nameClass || p.mask != q.mask || p.unhealthy != q.unhealthy || p.terminating != q.terminating ||
				!slices.Equal(p.shared, q.shared) || !slices.Equal(p.nameEnd, q.nameEnd) || !slices.Equal(p.nameMasks, q.nameMasks) ||
				!slices.Equal(p.created, q.created) || !slices.Equal(p.annoMarks, q.annoMarks) {
				t.Fatalf("columns of page %d of %s differ from a page made from nothing", i, s.src.Key)
			}
			annos := func(p *page) map[string]uint64 {
				m := map[string]uint64{}
				for _, a := range p.annoKeys {
					m[a.key] |= a.docs
				}
				return m
			}
			if diff := cmp.Diff(annos(q), annos(p)) + cmp.Diff(pairs(&q.fields), pairs(&p.fields)) + cmp.Diff(pairs(&q.labels), pairs(&p.labels)); diff != "" {
				t.Fatalf("page %d of %s differs from one made from nothing (-want +got):\n%s", i, s.src.Key, diff)
			}
		}
	}
}

// With a limit, later pages are sorted only as far as they can matter; the hits must be the first of all hits.
func TestLimitedIsPrefixOfAll(t *testing.T) {
	var objects []*watch.Object
	add := func(ns, name string) {
		objects = append(objects, &watch.Object{Kind: pods, Namespace: ns, Name: name, UID: ns + name})
	}
	for i := range 100 {
		add("prod", fmt.Sprintf("p-prod-%03d-long", i)) // prod is in one piece, but not where its p is first
		add(fmt.Sprintf("ns-%02d", i), "x-a")           // all the same, at the best score there is for their length
	}
	add("prod", "p-prod-z")
	for name, p := range planners {
		ix := Build(shard.BuildWorld(p, objects...))
		for _, line := range []string{"prod p-", "p- prod", "a", "x-a", "prod", "pod prod", "p", "pz"} {
			all := hitsOf(find(t, ix, line, Options{}))
			for _, limit := range []int{1, 2, 7} {
				got := hitsOf(find(t, ix, line, Options{Limit: limit}))
				if diff := cmp.Diff(all[:min(limit, len(all))], got); diff != "" {
					t.Errorf("%s: %s, limit %d (-want +got):\n%s", name, line, limit, diff)
				}
			}
		}
	}
}
