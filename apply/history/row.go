package history

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"
)

// SQLite has no checksums, so each row has one over its columns; bodies have zstd's. What doesn't match is damage, not
// something to show.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the parts and their boundaries.
func checksum(parts ...any) int64 {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
		case int64:
			b = binary.AppendVarint(b, p)
		case bool:
			b = binary.AppendVarint(b, bit(p))
		}
	}
	return int64(crc32.Checksum(b, castagnoli))
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// scanner is *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// intentRow is an intent as it is stored.
type intentRow struct {
	Intent
	at     int64
	fields string
	body   []byte // compressed
	sum    int64
}

const intentColumns = `i.id, i.at, i.cluster, i.context, i.user, i.kind, i.resource, i.namespace, i.name, i.uid, i.base_version, i.route, i.force, i.secret, i.digest, i.fields, i.sum`

// checksum leaves out the ID, which isn't known before the row is there.
func (r *intentRow) checksum() int64 {
	return checksum(r.at, r.Cluster, r.Context, r.User, r.Kind, r.Resource, r.Namespace, r.Name, r.UID, r.BaseVersion, r.Route, r.Force, r.Secret, r.Digest, r.fields)
}

// values are the columns after id, and the body.
func (r *intentRow) values() []any {
	return []any{r.at, r.Cluster, r.Context, r.User, r.Kind, r.Resource, r.Namespace, r.Name, r.UID, r.BaseVersion, r.Route, bit(r.Force), bit(r.Secret), r.Digest, r.fields, r.sum, r.body}
}

// dest is where the columns are scanned to.
func (r *intentRow) dest(id *ID) []any {
	return []any{(*int64)(id), &r.at, &r.Cluster, &r.Context, &r.User, &r.Kind, &r.Resource, &r.Namespace, &r.Name, &r.UID, &r.BaseVersion, &r.Route, &r.Force, &r.Secret, &r.Digest, &r.fields, &r.sum}
}

// intent checks the row and returns what it holds.
func (r *intentRow) intent() (Intent, error) {
	if r.sum != r.checksum() {
		return Intent{}, fmt.Errorf("%w: an intent", errDamaged)
	}
	in := r.Intent
	in.At = time.Unix(0, r.at).UTC()
	if err := json.Unmarshal([]byte(r.fields), &in.Fields); err != nil {
		return Intent{}, fmt.Errorf("%w: the fields of an intent: %w", errDamaged, err)
	}
	body, err := unpack(r.body)
	in.Body = body
	return in, err
}

const outcomeColumns = `o.at, o.state, o.version, o.code, o.reason, o.message, o.sum`

// outcomeRow is an outcome as it is stored, or what a join finds where there is none.
type outcomeRow struct {
	at, code, sum                   *int64
	state, version, reason, message *string
}

func (r *outcomeRow) dest() []any {
	return []any{&r.at, &r.state, &r.version, &r.code, &r.reason, &r.message, &r.sum}
}

// outcome checks the row and returns what it holds; done is false when there is none.
func (r *outcomeRow) outcome(id ID) (o Outcome, done bool, err error) {
	switch {
	case r.sum == nil:
		return Outcome{State: Unknown}, false, nil
	case r.at == nil, r.code == nil, r.state == nil, r.version == nil, r.reason == nil, r.message == nil,
		*r.sum != outcomeSum(id, *r.at, *r.state, *r.version, *r.code, *r.reason, *r.message):
		return Outcome{}, false, fmt.Errorf("%w: an outcome", errDamaged)
	}
	return Outcome{At: time.Unix(0, *r.at).UTC(), State: State(*r.state), Version: *r.version, Code: int(*r.code), Reason: *r.reason, Message: *r.message}, true, nil
}

func outcomeSum(id ID, at int64, state, version string, code int64, reason, message string) int64 {
	return checksum(int64(id), at, state, version, code, reason, message)
}

const versionColumns = `v.id, v.at, v.cluster, v.resource, v.namespace, v.name, v.uid, v.version, v.digest, v.sum, v.object`

// versionRow is a version as it is stored.
type versionRow struct {
	Version
	at     int64
	sum    int64
	object []byte // compressed
}

func (r *versionRow) checksum() int64 {
	return checksum(int64(r.ID), r.at, r.Cluster, r.Resource, r.Namespace, r.Name, r.UID, r.Version.Version, r.Digest)
}

func (r *versionRow) values() []any {
	return []any{int64(r.ID), r.at, r.Cluster, r.Resource, r.Namespace, r.Name, r.UID, r.Version.Version, r.Digest, r.sum, r.object}
}

func (r *versionRow) dest() []any {
	return []any{(*int64)(&r.ID), &r.at, &r.Cluster, &r.Resource, &r.Namespace, &r.Name, &r.UID, &r.Version.Version, &r.Digest, &r.sum, &r.object}
}

// version checks the row and returns what it holds.
func (r *versionRow) version() (Version, error) {
	if r.sum != r.checksum() {
		return Version{}, fmt.Errorf("%w: a version", errDamaged)
	}
	v := r.Version
	v.At = time.Unix(0, r.at).UTC()
	object, err := unpack(r.object)
	v.Object = object
	return v, err
}
