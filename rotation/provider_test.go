package rotation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// provider is a system of somebody else's that API keys are for. An account has two
// valid keys at most, and a request with either may list, add and delete them:
//
//	GET    /me          {"account":"t_abc123"}
//	GET    /keys        {"ids":["…"]}
//	POST   /keys        {"key":"…"} gives {"id":"…"}, and 409 where there are two
//	DELETE /keys/{id}   204
type provider struct {
	*httptest.Server

	mu       sync.Mutex
	keys     []string // the valid ones
	requests int
	trouble  func(request int, w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) // nil: none
}

func newProvider(t *testing.T, keys ...string) *provider {
	t.Helper()
	p := &provider{keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"account": tenant}) })
	mux.HandleFunc("GET /keys", p.list)
	mux.HandleFunc("POST /keys", p.add)
	mux.HandleFunc("DELETE /keys/{id}", p.remove)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.receive(w, r, mux) }))
	t.Cleanup(p.Close)
	return p
}

// receive lets trouble decide what becomes of a request.
func (p *provider) receive(w http.ResponseWriter, r *http.Request, mux http.Handler) {
	body, err := io.ReadAll(r.Body) // or the server would not notice that the client has gone
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	serve := func(w http.ResponseWriter) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !slices.Contains(p.keys, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}
	p.mu.Lock()
	request, trouble := p.requests, p.trouble
	p.requests++
	p.mu.Unlock()
	if trouble == nil {
		serve(w)
		return
	}
	trouble(request, w, r, serve)
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func (p *provider) list(w http.ResponseWriter, _ *http.Request) {
	var ids []string
	for _, key := range p.keys {
		ids = append(ids, idOf(key))
	}
	answer(w, map[string]any{"ids": ids})
}

func (p *provider) add(w http.ResponseWriter, r *http.Request) {
	var in struct{ Key string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Key == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !slices.Contains(p.keys, in.Key) {
		if len(p.keys) == 2 {
			w.WriteHeader(http.StatusConflict)
			return
		}
		p.keys = append(p.keys, in.Key)
	}
	answer(w, map[string]any{"id": idOf(in.Key)})
}

func (p *provider) remove(w http.ResponseWriter, r *http.Request) {
	p.keys = slices.DeleteFunc(p.keys, func(key string) bool { return idOf(key) == r.PathValue("id") })
	w.WriteHeader(http.StatusNoContent)
}

// valid returns the keys that are.
func (p *provider) valid() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.keys)
}

// disturb lets trouble happen until it is undone, with requests counted from 0.
func (p *provider) disturb(trouble func(int, http.ResponseWriter, *http.Request, func(http.ResponseWriter))) (undo func() (requests int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.trouble = 0, trouble
	return func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.trouble = nil
		return p.requests
	}
}

// idOf is what the provider calls a key by.
func idOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:8])
}

func newAPIKey() string { return "sk_" + rand.Text() }

// console is the client of the provider's that a rotation is given: a Setter and a
// Tester. Its errors quote the key that was sent, as errors of clients do.
type console struct {
	url  string
	http *http.Client
}

func newConsole(p *provider) *console {
	// Without kept connections a request that fails is not repeated by net/http.
	return &console{p.URL, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

type refusal struct {
	status int
	key    string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the provider answered %d to %s", r.status, r.key)
}

// Set adds the pending key beside the current one. What else is there has been left by
// a rotation of before, and makes room.
func (c *console) Set(ctx context.Context, change rotation.Change) error {
	var found struct{ IDs *[]string }
	if err := c.call(ctx, change.Current, "GET /keys", nil, &found); err != nil {
		return err
	}
	if found.IDs == nil {
		return &refusal{key: change.Current.Reveal()}
	}
	current, pending := idOf(change.Current.Reveal()), idOf(change.Pending.Reveal())
	for _, id := range *found.IDs {
		if id == current || id == pending {
			continue
		}
		if err := c.call(ctx, change.Current, "DELETE /keys/"+id, nil, nil); err != nil {
			return err
		}
	}
	if slices.Contains(*found.IDs, pending) {
		return nil
	}
	var added struct{ ID string }
	err := c.call(ctx, change.Current, "POST /keys", map[string]string{"key": change.Pending.Reveal()}, &added)
	if err == nil && added.ID != pending {
		err = &refusal{key: change.Pending.Reveal()}
	}
	return err
}

// Test asks with the pending key whose it is.
func (c *console) Test(ctx context.Context, change rotation.Change) error {
	var me struct{ Account string }
	err := c.call(ctx, change.Pending, "GET /me", nil, &me)
	if err == nil && me.Account != change.Tenant {
		err = &refusal{key: change.Pending.Reveal()}
	}
	return err
}

// call decodes the answer into out; where out is nil there must be none.
func (c *console) call(ctx context.Context, key tenantsecrets.Value, request string, in, out any) error {
	method, path, _ := strings.Cut(request, " ")
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, &body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+key.Reveal())
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("asking with %s: %w", key.Reveal(), err)
	}
	defer answer.Body.Close()
	want := http.StatusOK
	if out == nil {
		want = http.StatusNoContent
	}
	if answer.StatusCode != want {
		return &refusal{answer.StatusCode, key.Reveal()}
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(out)
}
