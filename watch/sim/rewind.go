package sim

import (
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Rewind takes the server back to a past revision, as an etcd restored from a backup: everything after it is as if it
// had never been, and the revisions after it are given out once more. All connections are cut. It fails when
// history does not reach back that far, or when a CustomResourceDefinition changed since.
func (s *Server) Rewind(rev uint64) error {
	if err := s.rewind(rev); err != nil {
		return err
	}
	s.CloseStreams()
	s.DropConnections()
	return nil
}

func (s *Server) rewind(rev uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rev > s.rev {
		return fmt.Errorf("sim: rewind to %d: the current revision is %d", rev, s.rev)
	}
	for gvr, sv := range s.resources {
		if sv.coll.floor > rev {
			return fmt.Errorf("sim: rewind to %d: the history of %s begins at %d", rev, gvr.GroupResource(), sv.coll.floor)
		}
		if gvr.Group == apiextensionsv1.GroupName && sv.coll.after(rev) < len(sv.coll.log) {
			return fmt.Errorf("sim: rewind to %d: a CustomResourceDefinition changed since", rev)
		}
	}
	for _, sv := range s.resources {
		c := sv.coll
		if n := c.after(rev); n < len(c.log) { // not yet done for another version of the same objects
			c.objects = c.at(rev)
			c.log = c.log[:n:n]
			c.snapshots = nil
		}
		c.wake()
	}
	s.rev = rev
	return nil
}
