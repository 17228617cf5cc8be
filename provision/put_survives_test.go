package provision_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
)

// A change is two reads and a write; what is put is read, by the
// client that held the value before too.
func TestPutEachKind(t *testing.T) {
	eachKind(t, func(s *service, k anyKind) {
		for _, owner := range k.owners() {
			first, second, third := newSecret(), newSecret(), newSecret()
			v1, err := k.create(s, owner, first)
			if err != nil {
				s.Fatal(err)
			}
			if err := k.get(s, owner, first); err != nil {
				s.Fatal(err)
			}
			s.backend.ClearCalls()
			v2, err := k.put(s, owner, v1, second)
			if err != nil {
				s.Fatal(err)
			}
			s.wantsCalls("DescribeSecret", "GetSecretValue", "PutSecretValue")
			if err := k.get(s, owner, second); err != nil {
				s.Errorf("the client reads: %v", err)
			}
			if v3, err := k.put(s, owner, v2, third); err != nil || v3 != s.current(k.name(owner)).id {
				s.Errorf("a change of the change: %s, error %v", v3, err)
			}
			if _, err := k.read(s, owner, third); err != nil {
				s.Errorf("the provisioner reads: %v", err)
			}
		}
	})
}

// survival is a stored document, what is changed of it, and what is stored then, but for
// tenant_id, base and nonce.
type survival[T any] struct {
	what, stored string
	change       func(*T)
	want         string
}

func survives[T any](t *testing.T, kind tenantsecrets.Kind[T], tests []survival[T]) {
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			name := "prod/formbridge/t_abc123/" + kind.Path
			v1 := s.store(name, tt.stored, "TenantId", tenant)
			entry, err := provision.Read(t.Context(), s.provisioner, tenant, kind)
			if err != nil || entry.VersionID != v1.id {
				t.Fatalf("read %s, error %v", entry.VersionID, err)
			}
			tt.change(&entry.Value)
			if _, err := provision.Put(t.Context(), s.provisioner, tenant, kind, entry.VersionID, entry.Value); err != nil {
				t.Fatal(err)
			}
			got, want := members(t, s.current(name).text), members(t, tt.want)
			if got["tenant_id"] != tenant || got["base"] != v1.id {
				t.Errorf("tenant_id %v, base %v", got["tenant_id"], got["base"])
			}
			delete(got, "tenant_id")
			delete(got, "base")
			delete(got, "nonce")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("stored %v, want %v", got, want)
			}
		})
	}
}

func members(t *testing.T, text string) (all map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The secrets here are no secrets: what is stored is compared in the open.
func TestPutKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Run("api_key", func(t *testing.T) {
		survives(t, shop, []survival[tenantsecrets.APIKey]{
			{
				"members of others", `{"owner":{"team":"ops","on_call":[1,{"a":null}]},"api_key":"key-1","zone":"eu","tenant_id":"t_abc123"}`,
				func(k *tenantsecrets.APIKey) { k.Key = tenantsecrets.NewValue("key-2") },
				`{"owner":{"team":"ops","on_call":[1,{"a":null}]},"api_key":"key-2","zone":"eu"}`,
			},
			{
				"members that are cleared are gone", `{"api_key":"key-1","header":"X-Api-Key","scheme":"Bearer","zone":"eu"}`,
				func(k *tenantsecrets.APIKey) { k.Scheme = "" },
				`{"api_key":"key-1","header":"X-Api-Key","zone":"eu"}`,
			},
			{
				"members of others in an entry", `{"api_key":"key-2","previous":[{"api_key":"key-1","why":{"leaked":true}},{"api_key":"key-0","why":"old"}]}`,
				func(k *tenantsecrets.APIKey) {
					k.Previous = append([]tenantsecrets.PreviousAPIKey{{Key: k.Key}}, k.Previous[0])
					k.Previous[1].NotAfter = day
					k.Key = tenantsecrets.NewValue("key-3")
				},
				`{"api_key":"key-3","previous":[{"api_key":"key-2"},{"api_key":"key-1","why":{"leaked":true},"not_after":"2026-01-02T15:04:05Z"}]}`,
			},
			{
				"a list that is cleared is gone", `{"api_key":"key-1","previous":[{"api_key":"key-0"}],"zone":"eu"}`,
				func(k *tenantsecrets.APIKey) { k.Previous = nil }, `{"api_key":"key-1","zone":"eu"}`,
			},
			{
				"no header comes that nobody gave", `{"api_key":"key-1"}`,
				func(k *tenantsecrets.APIKey) { k.Key = tenantsecrets.NewValue("key-2") }, `{"api_key":"key-2"}`,
			},
			{
				"a redaction of others is theirs", `{"api_key":"key-1","note":"[redacted]"}`,
				func(k *tenantsecrets.APIKey) { k.Key = tenantsecrets.NewValue("key-2") }, `{"api_key":"key-2","note":"[redacted]"}`,
			},
			{
				"a redaction can be mended", `{"api_key":"key-1","scheme":"[redacted]"}`,
				func(k *tenantsecrets.APIKey) { k.Scheme = "Bearer" }, `{"api_key":"key-1","scheme":"Bearer"}`,
			},
		})
	})
	t.Run("oauth_token", func(t *testing.T) {
		survives(t, tenantsecrets.OAuthToken("crm"), []survival[tenantsecrets.OAuth]{
			{
				"a refresh", `{"grant_type":"refresh_token","token_url":"https://a/t","client_id":"c","refresh_token":"r1","generation":1,"scopes":"a b","audience":"x"}`,
				func(a *tenantsecrets.OAuth) {
					a.RefreshToken, a.RefreshExpiresAt = tenantsecrets.NewValue("r2"), day
					a.Generation++
				},
				`{"grant_type":"refresh_token","token_url":"https://a/t","client_id":"c","refresh_token":"r2","generation":2,"scopes":"a b","audience":"x","refresh_expires_at":"2026-01-02T15:04:05Z"}`,
			},
			{
				"other scopes", `{"grant_type":"other","token_url":"https://a/t","client_id":"c","scopes":"a b"}`,
				func(a *tenantsecrets.OAuth) { a.Scopes = a.Scopes[:1] },
				`{"grant_type":"other","token_url":"https://a/t","client_id":"c","scopes":["a"]}`,
			},
		})
	})
	t.Run("credentials", func(t *testing.T) {
		survives(t, tenantsecrets.Database("main"), []survival[tenantsecrets.DatabaseCredentials]{
			{
				"forms of AWS's and members that only it knows", `{"engine":"postgres","host":"h","username":"u","password":"p1","port":"5432","ssl":"True","dbClusterIdentifier":"c1","replicas":[{"host":"r"}]}`,
				func(d *tenantsecrets.DatabaseCredentials) { d.Password = tenantsecrets.NewValue("p2") },
				`{"engine":"postgres","host":"h","username":"u","password":"p2","port":"5432","ssl":"True","dbClusterIdentifier":"c1","replicas":[{"host":"r"}]}`,
			},
			{
				"another port", `{"username":"u","password":"p1","port":"5432","ssl":null}`,
				func(d *tenantsecrets.DatabaseCredentials) { d.Port = 5433 }, `{"username":"u","password":"p1","port":5433,"ssl":null}`,
			},
			{
				"no port", `{"username":"u","password":"p1","port":"5432"}`,
				func(d *tenantsecrets.DatabaseCredentials) { d.Port = 0 }, `{"username":"u","password":"p1"}`,
			},
		})
	})
	t.Run("encryption_key", func(t *testing.T) {
		const a, b = "QUFBQUFBQUFBQUFBQUFBQQ==", "QkJCQkJCQkJCQkJCQkJCQg=="
		survives(t, tenantsecrets.EncryptionKey(), []survival[tenantsecrets.Keyset]{
			{
				"a key is destroyed and one is added", `{"primary":"k2","keys":[{"kid":"k2","material":"` + b + `","status":"enabled","algorithm":"AES-128-GCM"},{"kid":"k1","material":"` + a + `","status":"decrypt_only","by":{"who":"ops"}}],"scheme":7}`,
				func(k *tenantsecrets.Keyset) {
					k.Keys[1].Status, k.Keys[1].Material = tenantsecrets.KeyDestroyed, tenantsecrets.Value{}
					k.Keys = append([]tenantsecrets.DataKey{{KID: "k3", Material: tenantsecrets.NewValue("AAAAAAAAAAAAAAAA"), Status: tenantsecrets.KeyEnabled}}, k.Keys...)
				},
				`{"primary":"k2","keys":[{"kid":"k3","material":"` + a + `","status":"enabled"},{"kid":"k2","material":"` + b + `","status":"enabled","algorithm":"AES-128-GCM"},{"kid":"k1","status":"destroyed","by":{"who":"ops"}}],"scheme":7}`,
			},
		})
	})
}

// feed is a kind of somebody's own.
type feed struct {
	URL   string `json:"url"`
	Token string `json:"token,omitempty"`
	Auth  struct {
		User string `json:"user"`
	} `json:"auth"`
}

var feedKind = tenantsecrets.Kind[feed]{
	Path:   "feed",
	Decode: func(stored []byte) (f feed, err error) { return f, json.Unmarshal(stored, &f) },
	Encode: func(f feed) ([]byte, error) { return json.Marshal(f) },
}

func TestPutAnOwnKind(t *testing.T) {
	survives(t, feedKind, []survival[feed]{
		{
			"members of others at any depth", `{"url":"https://a","token":"t1","auth":{"realm":"x","user":"u"},"note":{"token":"mine"}}`,
			func(f *feed) { f.Token, f.Auth.User = "", "v" },
			`{"url":"https://a","auth":{"realm":"x","user":"v"},"note":{"token":"mine"}}`,
		},
	})
}
