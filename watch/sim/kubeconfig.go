package sim

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Kubeconfig is a kubeconfig for the server of the latest Start, as an administrator. It is nil before Start.
func (s *Server) Kubeconfig() []byte { return s.KubeconfigFor(adminUser) }

// KubeconfigFor is Kubeconfig as another user: its token is "sim-user:" and the name.
func (s *Server) KubeconfigFor(user string) []byte {
	s.listen.mu.Lock()
	addr := s.listen.addr
	s.listen.mu.Unlock()
	if addr == nil {
		return nil
	}
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Config\ncurrent-context: orka-sim\nclusters:\n- name: orka-sim\n  cluster:\n")
	if s.tls != nil {
		fmt.Fprintf(&b, "    server: https://%s\n    certificate-authority-data: %s\n", addr, base64.StdEncoding.EncodeToString(s.tls.pem))
	} else {
		fmt.Fprintf(&b, "    server: http://%s\n", addr)
	}
	fmt.Fprintf(&b, "users:\n- name: %q\n  user:\n    token: %q\n", user, userTokenPrefix+user)
	fmt.Fprintf(&b, "contexts:\n- name: orka-sim\n  context:\n    cluster: orka-sim\n    namespace: default\n    user: %q\n", user)
	return []byte(b.String())
}
