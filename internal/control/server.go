// Package control is how humans and their tools command a running daemon:
// HTTP with JSON over a unix socket, a server and its client. It knows the
// hall only through the small interfaces it declares.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Limits of the server. Whoever connects is trusted, so these guard against
// accidents: a stuck script must not hold the daemon's memory.
const (
	maxBody      = 1 << 20
	maxHeader    = 16 << 10
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	stopTimeout  = 2 * time.Second
)

// Server answers at one socket. The socket is there until Close: whoever waits
// for it to go waits for the daemon's whole end, not only for ours.
type Server struct {
	listener *net.UnixListener
	// lock is held for as long as the server lives.
	lock *os.File
}

// doorstep is the socket as the web server sees it, which closes what it has
// served: then nobody is let in any more.
type doorstep struct{ *net.UnixListener }

// Close ends Accept.
func (d doorstep) Close() error { return d.SetDeadline(time.Unix(1, 0)) }

// Serve answers until ctx ends, then lets running answers finish.
func (s *Server) Serve(ctx context.Context, doors Doors) error {
	web := &http.Server{
		Handler:           handler(doors),
		ReadHeaderTimeout: readTimeout,
		IdleTimeout:       writeTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withPeer,
	}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err := web.Shutdown(late)
		if errors.Is(err, context.DeadlineExceeded) {
			err = web.Close()
		}
		done <- err
	}()
	err := web.Serve(doorstep{s.listener})
	if errors.Is(err, http.ErrServerClosed) {
		err = <-done
	}
	return err
}

// Close gives the socket up. It may be called more than once.
func (s *Server) Close() error {
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s.lock.Close() // only the lock matters, and it falls with the process too
	if err != nil {
		return fmt.Errorf("close socket: %w", err)
	}
	return nil
}

type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	if err != nil {
		return ctx // without a peer every request is refused
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// answer is a route: what it returns is sent as JSON.
type answer func(r *http.Request, by string) (any, error)

// handler is the list of routes.
func handler(doors Doors) http.Handler {
	d := desk{doors}
	mux := http.NewServeMux()
	mux.Handle("GET /v1/status", reply(d.status))
	mux.Handle("GET /v1/bans", reply(d.bans))
	mux.Handle("GET /v1/allow", reply(d.allowed))
	mux.Handle("GET /v1/why", reply(d.why))
	mux.Handle("GET /v1/events", reply(d.events))
	mux.Handle("POST /v1/ban", reply(d.ban))
	mux.Handle("POST /v1/unban", reply(d.unban))
	mux.Handle("POST /v1/allow", reply(d.allow))
	mux.Handle("POST /v1/allow/remove", reply(d.disallow))
	mux.Handle("POST /v1/stop", reply(d.stop))
	mux.Handle("POST /v1/reload", reply(d.reload))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		sendProblem(w, &Problem{What: "no such route: " + r.Method + " " + r.URL.Path, Kind: ErrNotFound,
			Do: "use the sipward of the daemon's own version"})
	})
	return onlyPermitted(mux)
}

func onlyPermitted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := r.Context().Value(peerKey{}).(peer)
		if !ok || !p.permitted(groupName) {
			sendProblem(w, &Problem{What: "you may not command this daemon", Kind: ErrNotPermitted,
				Why: "only root and the group " + groupName + " may", Do: "try again with sudo"})
			return
		}
		if r.Method == http.MethodPost {
			// Not http.Server.ReadTimeout: it would cut long streams too. A
			// connection that takes no deadline has gone, and reading says so.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(writeTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func reply(a answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := r.Context().Value(peerKey{}).(peer) // onlyPermitted has seen it
		value, err := a(r, p.name())
		if err != nil {
			sendProblem(w, err)
			return
		}
		if s, ok := value.(stream); ok {
			s(w)
			return
		}
		send(w, http.StatusOK, value)
	})
}

func sendProblem(w http.ResponseWriter, err error) { send(w, statusOf(err), problemOf(err)) }

func send(w http.ResponseWriter, status int, value any) {
	// A deadline that cannot be set, or an answer that cannot be sent, means
	// that the caller has gone; there is nobody left to tell.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// stream is an answer of many lines, one JSON object each.
type stream func(w http.ResponseWriter)

// lines sends JSON Lines in batches. A reader too slow for one batch is cut
// off, so that it holds one batch of ours and no more.
type lines struct {
	w       http.ResponseWriter
	encoder *json.Encoder
}

func newLines(w http.ResponseWriter) lines {
	w.Header().Set("Content-Type", "application/jsonl")
	w.WriteHeader(http.StatusOK)
	return lines{w, json.NewEncoder(w)}
}

// batch begins the next batch.
func (l lines) batch() error {
	return http.NewResponseController(l.w).SetWriteDeadline(time.Now().Add(writeTimeout))
}

// flush sends what was encoded.
func (l lines) flush() error { return http.NewResponseController(l.w).Flush() }

// body decodes the request's one JSON object, strictly.
func body(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("text after the object")
	}
	return &Problem{What: "cannot read the order", Why: err.Error(), Kind: ErrInvalid}
}
