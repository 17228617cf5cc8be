package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// engine is one way to keep tenants' secrets and verify webhooks with them.
type engine struct {
	name string

	// verify is the whole job: find the tenant's secret, verify the signature.
	verify func(ctx context.Context, tenant string, body []byte, signature string) error

	// get finds the secret alone.
	get func(ctx context.Context, tenant string) error

	close func()
}

// settings are what every engine is told, in its own words.
type settings struct {
	ttl      time.Duration // from which age on a secret is read again
	maxStale time.Duration // up to which age it may be served in an outage
	capacity int           // secrets that may be kept; 0: as many as there are
}

// unhurried settings let nothing expire while the hot path is timed.
var unhurried = settings{ttl: 24 * time.Hour, maxStale: 48 * time.Hour}

// maker makes an engine on a Secrets Manager.
type maker func(service, settings) (*engine, error)

// peers are what tenantsecrets is compared with.
var peers = []maker{newByHand, newOtter, newSturdyc}

const oursName = "ours"

func newOurs(api service, s settings) (*engine, error) { return newOursWith()(api, s) }

// newOursWith makes ours with further options.
func newOursWith(optFns ...func(*tenantsecrets.Options)) maker {
	return func(api service, s settings) (*engine, error) {
		c, err := newClient(api, s, optFns...)
		if err != nil {
			return nil, err
		}
		return &engine{
			name:   oursName,
			verify: c.VerifyHMAC,
			get: func(ctx context.Context, tenant string) error {
				_, err := c.TenantSecret(ctx, tenant)
				return err
			},
			close: c.Close,
		}, nil
	}
}

func newClient(api tenantsecrets.API, s settings, optFns ...func(*tenantsecrets.Options)) (*tenantsecrets.Client, error) {
	return tenantsecrets.New(api, naming, append([]func(*tenantsecrets.Options){
		func(o *tenantsecrets.Options) {
			o.TTL, o.MaxStale = s.ttl, s.maxStale
			o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		},
		capacity(s.capacity),
	}, optFns...)...)
}

// makeAll makes an engine of each maker on the same Secrets Manager.
func makeAll(makers []maker, api service, s settings) (engines []*engine, err error) {
	for _, build := range makers {
		e, err := build(api, s)
		if err != nil {
			closeAll(engines)
			return nil, err
		}
		engines = append(engines, e)
	}
	return engines, nil
}

func closeAll(engines []*engine) {
	for _, e := range engines {
		e.close()
	}
}
