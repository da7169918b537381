package apply

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ownedBy is how k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go names the manager of a field.
var ownedBy = regexp.MustCompile(`^conflict with ("(?:[^"\\]|\\.)*")(?: with subresource ("(?:[^"\\]|\\.)*"))?( using )?`)

// conflictsOf reads the conflicts of a server-side apply from a 409; none means that the 409 is about something else.
// Those with what we wrote ourselves by a JSON patch are told apart: nobody else is concerned.
func conflictsOf(ans *answer) (others []Conflict, ours bool) {
	if ans.code != http.StatusConflict {
		return nil, false
	}
	s := ans.status()
	if s.Details == nil {
		return nil, false
	}
	for _, c := range s.Details.Causes {
		if c.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		manager, sub, update := strings.TrimPrefix(c.Message, "conflict with "), "", false
		if m := ownedBy.FindStringSubmatch(c.Message); m != nil {
			manager, sub, update = unquote(m[1]), unquote(m[2]), m[3] != ""
		}
		if manager == FieldManager && sub == "" && update {
			ours = true
			continue
		}
		if sub != "" {
			manager = fmt.Sprintf("%s (%s)", manager, sub)
		}
		others = append(others, Conflict{Path: c.Field, Manager: line(manager), Message: brief(c.Message)})
	}
	return others, ours
}

// discreet keeps to the owners' names: what else a server says of a Secret may quote it.
func discreet(conflicts []Conflict) {
	for n := range conflicts {
		c := &conflicts[n]
		if !ownedBy.MatchString(c.Message) {
			c.Manager = "another manager"
		}
		c.Message = "owned by " + c.Manager
	}
}

func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

// sameConflicts reports whether consent for one list is consent for the other.
func sameConflicts(a, b []Conflict) bool {
	type key struct {
		path, manager string
		removes       bool
	}
	keys := func(list []Conflict) []key {
		var out []key
		for _, c := range list {
			out = append(out, key{c.Path, c.Manager, c.Removes})
		}
		slices.SortFunc(out, func(x, y key) int {
			if c := strings.Compare(x.path, y.path); c != 0 {
				return c
			}
			return strings.Compare(x.manager, y.manager)
		})
		return out
	}
	return slices.Equal(keys(a), keys(b))
}
