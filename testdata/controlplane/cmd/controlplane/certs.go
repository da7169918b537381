package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// user is somebody with a kubeconfig.
type user struct{ name, group, namespace string }

// users of the cluster; rbac.yaml says what they may do.
var users = []user{
	{"admin", "system:masters", "default"},
	{"reader", "team-a", "team-a"},
	{"editor", "team-a", "team-a"},
	{"nobody", "", "default"},
}

// makeCertificates makes the authority, the server's certificate, one for every user, and the key that
// signs service account tokens, unless they are there from an earlier start.
func (c *cluster) makeCertificates() error {
	done := c.path("pki", "done")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.MkdirAll(c.path("pki"), 0o700); err != nil {
		return err
	}
	a, err := newAuthority()
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.crt": encode("CERTIFICATE", a.cert.Raw)}
	issue := func(name string, template *x509.Certificate) error {
		crt, key, err := a.issue(template)
		if err != nil {
			return fmt.Errorf("certificate of %s: %w", name, err)
		}
		files[name+".crt"], files[name+".key"] = crt, key
		return nil
	}
	err = issue("apiserver", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
	})
	for _, u := range users {
		name := pkix.Name{CommonName: u.name}
		if u.group != "" {
			name.Organization = []string{u.group}
		}
		err = errors.Join(err, issue(u.name, &x509.Certificate{Subject: name, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}))
	}
	key, keyErr := newKey()
	if err := errors.Join(err, keyErr); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	files["sa.pub"], files["sa.key"] = encode("PUBLIC KEY", public), encode("EC PRIVATE KEY", private)
	for name, data := range files {
		if err := os.WriteFile(c.path("pki", name), data, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(done, nil, 0o600)
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// validity of every certificate: a test cluster that is kept longer should be made anew.
const validity = 10 * 365 * 24 * time.Hour

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orka-test-ca"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(validity)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

// issue signs a certificate for a new key and returns both as PEM.
func (a *authority) issue(t *x509.Certificate) (crt, key []byte, err error) {
	k, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	t.NotBefore, t.NotAfter, t.KeyUsage = a.cert.NotBefore, a.cert.NotAfter, x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &k.PublicKey, a.key)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalECPrivateKey(k)
	return encode("CERTIFICATE", der), encode("EC PRIVATE KEY", private), err
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: orka-test
  cluster:
    server: https://127.0.0.1:%[1]d
    certificate-authority-data: %[2]s
users:
- name: %[3]s
  user:
    client-certificate-data: %[4]s
    client-key-data: %[5]s
contexts:
- name: %[3]s@orka-test
  context:
    cluster: orka-test
    user: %[3]s
    namespace: %[6]s
current-context: %[3]s@orka-test
`

// writeKubeconfigs writes home/USER.kubeconfig for every user.
func (c *cluster) writeKubeconfigs() error {
	read := func(name string) (string, error) {
		data, err := os.ReadFile(c.path("pki", name))
		return base64.StdEncoding.EncodeToString(data), err
	}
	ca, err := read("ca.crt")
	if err != nil {
		return err
	}
	for _, u := range users {
		crt, err1 := read(u.name + ".crt")
		key, err2 := read(u.name + ".key")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		text := fmt.Sprintf(kubeconfig, c.state.APIPort, ca, u.name, crt, key, u.namespace)
		if err := os.WriteFile(c.kubeconfig(u.name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) kubeconfig(user string) string { return c.path(user + ".kubeconfig") }
