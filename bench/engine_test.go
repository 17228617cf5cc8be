package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/formbridge/tenantsecrets/internal/mac"
)

// Every contender does the same job: it verifies with one key and with either of
// two, from memory after the first time, and refuses a forgery.
func TestEngines(t *testing.T) {
	for _, keys := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) { // a forgery may wait for a newer key
			p, err := newPopulation(3, keys)
			if err != nil {
				t.Fatal(err)
			}
			for _, build := range append([]maker{newOurs}, peers...) {
				api := &meter{service: p.backend}
				e := simulatedEngine(t, build, api, unhurried)
				checkEngine(t, p, e, api)
				e.close()
			}
		})
	}
}

func checkEngine(t *testing.T, p *population, e *engine, api *meter) {
	t.Helper()
	if err := p.warm(t.Context(), e); err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	calls := api.calls()
	for signer := range p.secrets {
		p.signWith(signer)
		for _, id := range p.ids {
			if err := e.verify(t.Context(), id, p.body, p.signature); err != nil {
				t.Errorf("%s, key %d: %v", e.name, signer, err)
			}
		}
	}
	if api.calls() != calls {
		t.Errorf("%s calls when warm", e.name)
	}
	if e.verify(t.Context(), p.ids[0], p.body, strings.Repeat("0", 64)) == nil {
		t.Errorf("%s takes a forgery", e.name)
	}
	if e.get(t.Context(), "u_000000") == nil {
		t.Errorf("%s finds a tenant that does not exist", e.name)
	}
}

// The floor is the job too, not less than it.
func TestFloor(t *testing.T) {
	p, err := newPopulation(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	secret := newSecret()
	key := mac.NewKey([]byte(secret))
	if !verifyWith(&key, p.body, sign(secret, p.body)) {
		t.Error("refuses a signature of its key")
	}
	for _, signature := range []string{p.signature, "", strings.Repeat("0", 64), strings.ToUpper(sign(secret, p.body)), sign(secret, p.body) + "0"} {
		if verifyWith(&key, p.body, signature) {
			t.Errorf("takes a signature that its key did not make")
		}
	}
}
