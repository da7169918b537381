package apply

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// satisfied tells whether a live object has what the intent leads to according to result, all of it or any. Only what the
// intent changes counts: a file also names what is as it was. An intent that changes nothing is satisfied, and has
// nothing that could show it.
func satisfied(t *typer, i *Intent, result, live *unstructured.Unstructured) (all, any bool) {
	t = i.typer(t)
	all = true
	judge := func(ok bool) {
		all = all && ok
		any = any || ok
	}
	t.walk(i.changes, func(p place) bool {
		if p.member && !p.inner {
			judge(p.same(0, 1))
		}
		return true
	}, result.Object, live.Object)
	t.walk(i.RemoveOwn.Union(i.RemoveForeign), func(p place) bool {
		switch {
		case !p.member:
			return true
		case p.has[0]: // the server gave it a default: no sign of the write when it is what was there before
			all = all && p.same(0, 1)
		default:
			judge(!p.has[1])
		}
		return false
	}, result.Object, live.Object)
	return all, any
}
