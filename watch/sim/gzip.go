package sim

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// gzipAbove is the size from which the real server compresses.
const gzipAbove = 128 << 10

// compressed wraps w when the client accepts gzip and the response is known to be worth it. done ends the stream.
func (s *Server) compressed(w http.ResponseWriter, q *request, size int) (out http.ResponseWriter, done func()) {
	if !s.cfg.Gzip || size < gzipAbove || !strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") {
		return w, func() {}
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Add("Vary", "Accept-Encoding")
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return w, func() {}
	}
	return &gzipped{ResponseWriter: w, z: z}, func() { _ = z.Close() } // a client that went away is no error
}

type gzipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (g *gzipped) Write(b []byte) (int, error) {
	g.ResponseWriter.Header().Del("Content-Length")
	return g.z.Write(b)
}
