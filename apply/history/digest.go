package history

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// key is what digests of Secrets are made under. Without it a digest says nothing about a value, not even to somebody
// who tries likely ones; with it and the digest, a guess can be confirmed. Both files are the user's alone.
type key []byte

// keyBytes is the length of a key: the output of SHA-256, which HMAC recommends (RFC 2104, section 3).
const keyBytes = 32

// errNoKey means that there is no key, or not a whole one.
var errNoKey = errors.New("the history has no key for digests")

// digest is the HMAC-SHA256 of content, in hex, after the name of the key. What it is of and whose are part of it, so
// that equal values of two Secrets have different digests.
func (k key) digest(what, uid string, content []byte) string {
	mac := hmac.New(sha256.New, k)
	fmt.Fprintf(mac, "%s\x00%s\x00", what, uid)
	mac.Write(content)
	return k.name() + ":" + hex.EncodeToString(mac.Sum(nil))
}

// name tells keys apart, so that it can be seen why two digests differ.
func (k key) name() string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte("name"))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// readKey reads the key, or returns errNoKey.
func (s *Store) readKey() (key, error) {
	k, err := os.ReadFile(s.files.key)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(k) != keyBytes {
		return nil, errNoKey
	}
	return k, err
}

// makeKey reads the key, or makes one. It is made under another name and then renamed, so that nobody reads half of
// one, and under the exclusive lock, so that two processes agree on one. A broken key is replaced: it never made a
// digest. The caller holds no lock.
func (s *Store) makeKey(ctx context.Context) (key, error) {
	k, err := s.readKey()
	if !errors.Is(err, errNoKey) {
		return k, err
	}
	if err := s.files.makeDir(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	lock, err := lockFile(ctx, s.files.lock, true, false)
	if err != nil {
		return nil, err
	}
	defer lock.release()
	if k, err := s.readKey(); !errors.Is(err, errNoKey) {
		return k, err
	}
	k = make(key, keyBytes)
	if _, err := rand.Read(k); err != nil {
		return nil, err
	}
	fresh := s.files.key + ".new"
	if err := writeSynced(fresh, k); err != nil {
		return nil, err
	}
	s.fault("mid-key")
	if err := os.Rename(fresh, s.files.key); err != nil {
		return nil, err
	}
	return k, syncDir(s.files.dir())
}

// writeSynced makes a file with its mode and its content on the disk, in place of one that an interrupted attempt left.
func writeSynced(path string, content []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Same reports whether object (JSON) is what v holds, leaving aside the order of keys and what changes with every
// write: metadata.managedFields, resourceVersion and generation. Of a Secret it compares keyed digests; when the key
// is lost, nothing is the same.
func (s *Store) Same(v Version, object []byte) bool {
	if v.Digest == "" {
		return v.Object != nil && bytes.Equal(canonical(v.Object), canonical(object))
	}
	k, err := s.readKey()
	return err == nil && hmac.Equal([]byte(v.Digest), []byte(k.digest("object", v.UID, canonical(object))))
}

// canonical is object with sorted keys, without spaces and without what changes with every write. What isn't a JSON
// object stays as it is.
func canonical(object []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil || d.More() {
		return object
	}
	if meta, ok := m["metadata"].(map[string]any); ok {
		delete(meta, "managedFields")
		delete(meta, "resourceVersion")
		delete(meta, "generation")
	}
	out, err := json.Marshal(m)
	if err != nil {
		return object
	}
	return out
}
