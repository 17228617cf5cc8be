package tenantsecrets_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// readOf stores a text, if there is any, and reads it as the tenant's secret.
func readOf(text string) func(*testing.T) error {
	return func(t *testing.T) error {
		b := secretstest.New()
		if text != "" {
			store(t, b, hmacName, text)
		}
		var logged bytes.Buffer
		_, err := newClient(t, b, logInto(&logged)).TenantSecret(t.Context(), tenant)
		return err
	}
}

// sentinels holds a public call for each of the errors that the package exports.
func sentinels(t *testing.T) map[string]struct {
	sentinel error
	call     func(*testing.T) error
} {
	return map[string]struct {
		sentinel error
		call     func(*testing.T) error
	}{
		"ErrNotFound": {tenantsecrets.ErrNotFound, readOf("")},
		"ErrExists": {tenantsecrets.ErrExists, func(t *testing.T) error {
			c := newClient(t, secretstest.New())
			created(t, c)
			_, err := c.CreateTenant(t.Context(), tenant)
			return err
		}},
		"ErrPendingDeletion": {tenantsecrets.ErrPendingDeletion, func(t *testing.T) error {
			b := secretstest.New()
			store(t, b, hmacName, document(t, nil))
			deleteLater(t, b)
			_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
			return err
		}},
		"ErrAccessDenied": {tenantsecrets.ErrAccessDenied, func(t *testing.T) error {
			b := secretstest.New()
			b.Inject(secretstest.Fault{Err: secretstest.AccessDenied()})
			_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
			return err
		}},
		"ErrUnavailable": {tenantsecrets.ErrUnavailable, func(t *testing.T) error {
			b := secretstest.New()
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
			return err
		}},
		"ErrRefused": {tenantsecrets.ErrRefused, func(t *testing.T) error {
			b := secretstest.New()
			b.Inject(secretstest.Fault{Operation: "CreateSecret", Err: coded("LimitExceededException")})
			_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
			return err
		}},
		"ErrStale": {tenantsecrets.ErrStale, func(t *testing.T) (err error) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				c := newClient(t, b)
				created(t, c)
				time.Sleep(defaultMaxStale)
				b.Inject(secretstest.Fault{Err: secretstest.ConnectionReset()})
				_, err = c.TenantSecret(t.Context(), tenant)
			})
			return err
		}},
		"ErrMalformed":   {tenantsecrets.ErrMalformed, readOf("?")},
		"ErrWrongTenant": {tenantsecrets.ErrWrongTenant, readOf(document(t, map[string]any{"tenant_id": otherTenant}))},
		"ErrSuspended":   {tenantsecrets.ErrSuspended, readOf(document(t, map[string]any{"state": "suspended"}))},
		"ErrInvalidTenant": {tenantsecrets.ErrInvalidTenant, func(t *testing.T) error {
			_, err := newClient(t, secretstest.New()).TenantSecret(t.Context(), "*")
			return err
		}},
		"ErrInvalidName": {tenantsecrets.ErrInvalidName, func(*testing.T) error {
			_, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "*"})
			return err
		}},
		"ErrInvalidOption": {tenantsecrets.ErrInvalidOption, func(*testing.T) error {
			_, err := tenantsecrets.New(nil, naming)
			return err
		}},
		"ErrInvalidKey": {tenantsecrets.ErrInvalidKey, func(*testing.T) error {
			_, err := tenantsecrets.NewKeyring(tenantsecrets.Value{})
			return err
		}},
		"ErrSignature": {tenantsecrets.ErrSignature, func(*testing.T) error {
			return tenantsecrets.VerifyHMAC(tenantsecrets.Keyring{}, nil, "")
		}},
		"ErrMismatch": {tenantsecrets.ErrMismatch, func(t *testing.T) error {
			c := newClient(t, secretstest.New())
			return tenantsecrets.VerifyHMAC(created(t, c).Keys(), nil, strings.Repeat("0", 64))
		}},
		"ErrUnconfirmed": {tenantsecrets.ErrUnconfirmed, func(t *testing.T) error {
			b := secretstest.New()
			c := newClient(t, b)
			created(t, c)
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			return c.VerifyHMAC(t.Context(), tenant, nil, strings.Repeat("0", 64))
		}},
		"ErrNoKey": {tenantsecrets.ErrNoKey, func(*testing.T) error {
			_, err := tenantsecrets.SignHMAC(tenantsecrets.Keyring{}, nil)
			return err
		}},
		"ErrClosed": {tenantsecrets.ErrClosed, func(t *testing.T) error {
			c := newClient(t, secretstest.New())
			c.Close()
			_, err := c.TenantSecret(t.Context(), tenant)
			return err
		}},
	}
}

// wrapped are the sentinels that are also another one.
var wrapped = map[string]string{"ErrStale": "ErrUnavailable", "ErrUnconfirmed": "ErrUnavailable", "ErrMismatch": "ErrSignature"}

// Every sentinel can be met, and means itself and no other.
func TestSentinels(t *testing.T) {
	all := sentinels(t)
	for _, name := range exportedErrors(t) {
		if _, listed := all[name]; !listed {
			t.Errorf("no call here returns %s", name)
		}
	}
	for name, tt := range all {
		t.Run(name, func(t *testing.T) {
			err := tt.call(t)
			for other, o := range all {
				if want := other == name || other == wrapped[name]; errors.Is(err, o.sentinel) != want {
					t.Errorf("errors.Is(%v, %s) is %v, want %v", err, other, !want, want)
				}
			}
		})
	}
}

// exportedErrors returns the names of the package's sentinels, from its source.
func exportedErrors(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") {
			names = append(names, spec.Names[0].Name)
		}
		_, isFunc := n.(*ast.FuncDecl)
		return !isFunc
	})
	if len(names) == 0 {
		t.Fatal("errors.go declares no sentinels")
	}
	return names
}

// What the service answers decides what a load's failure means, whichever of its
// two calls fails.
func TestServiceErrors(t *testing.T) {
	for _, tt := range []struct {
		what     string
		answer   error
		want     error
		definite bool
	}{
		{"throttling", secretstest.Throttling(), tenantsecrets.ErrUnavailable, false},
		{"too many requests", coded("TooManyRequestsException"), tenantsecrets.ErrUnavailable, false},
		{"a server error", secretstest.InternalError(), tenantsecrets.ErrUnavailable, false},
		{"no service", coded("ServiceUnavailable"), tenantsecrets.ErrUnavailable, false},
		{"a limit", coded("LimitExceededException"), tenantsecrets.ErrUnavailable, false},
		{"access denied", secretstest.AccessDenied(), tenantsecrets.ErrAccessDenied, true},
		{"KMS denied", secretstest.KMSDenied(), tenantsecrets.ErrAccessDenied, true},
		{"KMS key disabled", secretstest.KMSDisabled(), tenantsecrets.ErrAccessDenied, true},
		{"an expired token", secretstest.ExpiredToken(), tenantsecrets.ErrUnavailable, false},
		{"an unknown client", coded("UnrecognizedClientException"), tenantsecrets.ErrUnavailable, false},
		{"an invalid signature", coded("InvalidSignatureException"), tenantsecrets.ErrUnavailable, false},
		{"an expired request", coded("RequestExpired"), tenantsecrets.ErrUnavailable, false},
		{"an invalid request", coded("InvalidRequestException"), tenantsecrets.ErrUnavailable, false},
		{"a refused shape", coded("ValidationException"), tenantsecrets.ErrUnavailable, false},
		{"an unknown code", coded("NeverHeardOfException"), tenantsecrets.ErrUnavailable, false},
	} {
		for _, operation := range []string{"DescribeSecret", "GetSecretValue"} {
			begin := fault(secretstest.Fault{Operation: operation, Err: tt.answer})
			tr := trouble{begin: afterPut(begin), want: tt.want, definite: tt.definite}
			t.Run(tt.what+" to "+operation, func(t *testing.T) { synctest.Test(t, tr.check) })
		}
	}
}

// Nobody learns from a verification's error alone whether the tenant is unknown;
// who has to know asks for ErrNotFound.
func TestUnknownTenant(t *testing.T) {
	c := newClient(t, secretstest.New())
	for what, err := range map[string]error{
		"VerifyHMAC": c.VerifyHMAC(t.Context(), tenant, nil, strings.Repeat("0", 64)),
		"Verify": c.Verify(t.Context(), tenant, func(tenantsecrets.Keyring) error {
			t.Error("the keys of an unknown tenant were tried")
			return nil
		}),
	} {
		checkFailed(t, err, what, tenantsecrets.ErrSignature)
		checkFailed(t, err, what, tenantsecrets.ErrNotFound)
		if errors.Is(err, tenantsecrets.ErrMismatch) {
			t.Errorf("%v is ErrMismatch, and no key was tried", err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		what   string
		api    tenantsecrets.API
		naming tenantsecrets.Naming
		option func(*tenantsecrets.Options)
		want   error
	}{
		{"no API", nil, naming, nil, tenantsecrets.ErrInvalidOption},
		{"no environment", secretstest.New(), tenantsecrets.Naming{Service: "formbridge"}, nil, tenantsecrets.ErrInvalidName},
		{"no service", secretstest.New(), tenantsecrets.Naming{Environment: "prod"}, nil, tenantsecrets.ErrInvalidName},
		{"MaxStale below TTL", secretstest.New(), naming, func(o *tenantsecrets.Options) {
			o.TTL, o.MaxStale = 2, 1
		}, tenantsecrets.ErrInvalidOption},
		{"MaxStale below the default TTL", secretstest.New(), naming, func(o *tenantsecrets.Options) {
			o.MaxStale = defaultTTL - 1
		}, tenantsecrets.ErrInvalidOption},
		{"a TTL above the default MaxStale", secretstest.New(), naming, func(o *tenantsecrets.Options) {
			o.TTL = defaultMaxStale + 1
		}, tenantsecrets.ErrInvalidOption},
	} {
		t.Run(tt.what, func(t *testing.T) {
			option := tt.option
			if option == nil {
				option = func(*tenantsecrets.Options) {}
			}
			c, err := tenantsecrets.New(tt.api, tt.naming, option)
			if c != nil || !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "tenantsecrets: New: ") {
				t.Errorf("got %v and %v, want %v", c, err, tt.want)
			}
		})
	}
}

// Options that look contradictory and are not.
func TestNewAccepts(t *testing.T) {
	for what, option := range map[string]func(*tenantsecrets.Options){
		"MaxStale equal to TTL":   func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = 1, 1 },
		"no stale serving":        func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = 2*defaultMaxStale, -1 },
		"no TTL":                  func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = -1, 1 },
		"nothing is ever kept":    func(o *tenantsecrets.Options) { o.TTL, o.MaxStale = -1, -1 },
		"everything else off":     func(o *tenantsecrets.Options) { o.StaleWait, o.NegativeTTL, o.LoadTimeout, o.MaxLoads = -1, -1, -1, -1 },
		"a Region without a load": func(o *tenantsecrets.Options) { o.Region = "eu-central-1" },
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			newClient(t, b, option)
			checkOperations(t, b)
		})
	}
}

// A closed client answers everything with ErrClosed, and calls nothing.
func TestClosed(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	signature, err := tenantsecrets.SignHMAC(created(t, c).Keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	store(t, b, "prod/formbridge/t_abc123/plain", `{"tenant_id":"t_abc123"}`)
	plain := tenantsecrets.Kind[string]{Path: "plain", Decode: func([]byte) (string, error) { return "plain", nil }}
	calls := map[string]func() error{
		"TenantSecret": func() error { return readTenant(t, c) },
		"CreateTenant": func() error { return createTenant(t, c) },
		"VerifyHMAC":   func() error { return c.VerifyHMAC(t.Context(), tenant, nil, signature) },
		"Verify":       func() error { return c.Verify(t.Context(), tenant, func(tenantsecrets.Keyring) error { return nil }) },
		"Get": func() error {
			_, err := tenantsecrets.Get(t.Context(), c, tenant, plain)
			return err
		},
	}
	for what, call := range calls {
		if err := call(); err != nil && what != "CreateTenant" {
			t.Fatal(err)
		}
	}
	c.Close()
	c.Close()
	b.ClearCalls()
	calls["VerifyHMAC of no signature"] = func() error { return c.VerifyHMAC(t.Context(), tenant, nil, "") }
	for what, call := range calls {
		if err := call(); !errors.Is(err, tenantsecrets.ErrClosed) || errors.Is(err, tenantsecrets.ErrSignature) {
			t.Errorf("%s: %v, want ErrClosed", what, err)
		}
	}
	checkOperations(t, b)
}
