package ui

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"orka/apply"
)

// Drafts lie in a folder of the state directory that only the user can read, as those of Secrets hold values. A draft is
// there until it was applied or turned out to change nothing; whatever else happens, it stays.

const (
	draftFolder = "drafts"
	baseSuffix  = ".base" // of the file beside a draft that says what it is a draft of
	// maxDraft bounds what is read back, in bytes: beyond it is no object (the server takes 3 MiB at most).
	maxDraft = 16 << 20
	// maxDraftName bounds each part of a draft's name, in bytes: the whole must fit a file name.
	maxDraftName = 60
)

// draftBase says what a draft was made of.
type draftBase struct {
	Cluster         string    `json:"cluster"` // the server's address
	Context         string    `json:"context"`
	Kind            string    `json:"kind"` // watch.GVK.String
	Namespace       string    `json:"namespace,omitempty"`
	Name            string    `json:"name"`
	UID             string    `json:"uid"`
	ResourceVersion string    `json:"resourceVersion"`
	At              time.Time `json:"at"`
	// Object is the object itself, so that going on with the draft carries over only what it changes. It may be missing.
	Object map[string]any `json:"object,omitempty"`
}

// baseOf describes a base.
func baseOf(b *apply.Base, info Info) draftBase {
	return draftBase{
		Cluster: info.Cluster, Context: info.Context, Kind: b.Kind.GVK.String(), Namespace: b.Namespace, Name: b.Name,
		UID: b.UID, ResourceVersion: b.ResourceVersion, At: b.At.UTC().Truncate(time.Second), Object: b.Object.Object,
	}
}

// restored is the base that a draft was made of, or nil where the object was not kept.
func (b draftBase) restored(t apply.Target) *apply.Base {
	if b.Object == nil {
		return nil
	}
	return &apply.Base{Target: t, UID: b.UID, ResourceVersion: b.ResourceVersion, Object: &unstructured.Unstructured{Object: b.Object}, At: b.At}
}

// sameName reports whether both are of one name in one cluster.
func (b draftBase) sameName(o draftBase) bool {
	return b.UID == o.UID || (b.Cluster == o.Cluster && b.Context == o.Context && b.Kind == o.Kind && b.Namespace == o.Namespace && b.Name == o.Name)
}

// oldDraft is a draft that an earlier edit left.
type oldDraft struct {
	path     string
	base     draftBase
	modified time.Time
}

// drafts is the folder.
type drafts struct {
	dir string
	// suffix tells drafts of one object apart.
	suffix func() string
}

// drafts is the folder of this terminal.
func (m *Model) drafts() drafts {
	d := drafts{filepath.Join(m.opts.StateDir, draftFolder), m.opts.suffix}
	if d.suffix == nil {
		d.suffix = func() string { return strings.ToLower(rand.Text()[:8]) }
	}
	return d
}

// write makes a new draft and says what it is of.
func (d drafts) write(of apply.Target, base draftBase, text []byte) (string, error) {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return "", fmt.Errorf("no folder for drafts: %w", err)
	}
	if err := os.Chmod(d.dir, 0o700); err != nil { //nolint:gosec // a directory
		return "", fmt.Errorf("the folder for drafts: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(d.dir, draftName(of)+"-"+d.suffix()+".yaml"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in our own folder
	if err != nil {
		return "", fmt.Errorf("no draft: %w", err)
	}
	path := f.Name()
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		var about []byte
		if about, err = json.Marshal(base); err == nil {
			err = os.WriteFile(path+baseSuffix, about, 0o600)
		}
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("no draft: %w", err), d.remove(path))
	}
	return path, nil
}

// draftName tells kind, namespace and name in characters that every file system takes.
func draftName(t apply.Target) string {
	var parts []string
	for _, s := range []string{t.Kind.ResourceName(), t.Namespace, t.Name} {
		if s == "" {
			continue
		}
		s = strings.Map(func(r rune) rune {
			if (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') || r == '.' || r == '-' || r == '_' {
				return r
			}
			return '_'
		}, s)
		parts = append(parts, s[:min(len(s), maxDraftName)])
	}
	return strings.Join(parts, "-")
}

// read is a draft as the editor left it.
func (d drafts) read(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // our own draft
	if err != nil {
		return nil, fmt.Errorf("the draft can't be read: %w", err)
	}
	defer f.Close()
	_ = f.Chmod(0o600) // an editor that writes a new file may have opened it to others
	text, err := io.ReadAll(io.LimitReader(f, maxDraft+1))
	if err != nil {
		return nil, fmt.Errorf("the draft can't be read: %w", err)
	}
	if len(text) > maxDraft {
		return nil, fmt.Errorf("the draft is larger than %d MiB, which no server takes", maxDraft>>20)
	}
	return text, nil
}

// remove deletes a draft and what an editor left beside it: swap and backup files hold the same values.
func (d drafts) remove(path string) error {
	name := filepath.Base(path)
	entries, err := os.ReadDir(d.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the draft could not be removed: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !e.IsDir() && (strings.HasPrefix(e.Name(), name) || strings.HasPrefix(e.Name(), "."+name) || strings.HasPrefix(e.Name(), "#"+name)) {
			if err := os.Remove(filepath.Join(d.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("the draft could not be removed: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// find lists the drafts of an object's name, the newest first. What can't be read is no draft.
func (d drafts) find(base draftBase) []oldDraft {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil
	}
	var out []oldDraft
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), baseSuffix)
		if !ok {
			continue
		}
		about, err := os.ReadFile(filepath.Join(d.dir, e.Name()))
		if err != nil {
			continue
		}
		o := oldDraft{path: filepath.Join(d.dir, name)}
		if utiljson.Unmarshal(about, &o.base) != nil || !o.base.sameName(base) {
			continue
		}
		info, err := os.Stat(o.path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		o.modified = info.ModTime()
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b oldDraft) int {
		if c := b.modified.Compare(a.modified); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	return out
}

// shortPath writes the home directory as people do.
func shortPath(path string) string {
	home, err := os.UserHomeDir()
	if err != nil || home == "" || home == "/" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, home+string(os.PathSeparator)); ok {
		return "~" + string(os.PathSeparator) + rest
	}
	return path
}
