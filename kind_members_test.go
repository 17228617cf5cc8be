package tenantsecrets_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// gotten stores a tenant's document and gets it.
func gotten[T any](t *testing.T, kind tenantsecrets.Kind[T], members map[string]any) T {
	t.Helper()
	b := secretstest.New()
	store(t, b, "prod/formbridge/t_abc123/"+kind.Path, object(t, members))
	got, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, kind)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// checkValue compares one, and clears it: Values do not compare in others.
func checkValue(t *testing.T, v *tenantsecrets.Value, want string) {
	t.Helper()
	if v.Reveal() != want {
		t.Error("a secret is not the one that is stored")
	}
	*v = tenantsecrets.Value{}
}

func checkEqual(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

var day = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func TestMembersOfAnAPIKey(t *testing.T) {
	key, old, older := rand.Text(), rand.Text(), rand.Text()
	got := gotten(t, tenantsecrets.DestinationAPIKey("webhook1"), map[string]any{
		"api_key": key, "header": "X-Api-Key", "scheme": "Bearer",
		"previous": []any{map[string]any{"api_key": old, "not_after": "2026-01-02T15:04:05Z"}, map[string]any{"api_key": older}},
	})
	checkValue(t, &got.Key, key)
	checkValue(t, &got.Previous[0].Key, old)
	checkValue(t, &got.Previous[1].Key, older)
	checkEqual(t, got, tenantsecrets.APIKey{
		Header: "X-Api-Key", Scheme: "Bearer", Previous: []tenantsecrets.PreviousAPIKey{{NotAfter: day}, {}},
	})
}

func TestMembersOfAnOAuth(t *testing.T) {
	secret, refresh := rand.Text(), rand.Text()
	got := gotten(t, tenantsecrets.OAuthToken("webhook1"), map[string]any{
		"grant_type": "refresh_token", "token_url": "https://login.example.com/token", "client_id": "c1",
		"client_secret": secret, "scopes": "read write", "refresh_token": refresh,
		"refresh_expires_at": "2026-01-02T15:04:05Z", "generation": 3,
	})
	checkValue(t, &got.ClientSecret, secret)
	checkValue(t, &got.RefreshToken, refresh)
	checkEqual(t, got, tenantsecrets.OAuth{
		GrantType: "refresh_token", TokenURL: "https://login.example.com/token", ClientID: "c1",
		Scopes: []string{"read", "write"}, RefreshExpiresAt: day, Generation: 3,
	})
}

func TestMembersOfDatabaseCredentials(t *testing.T) {
	password := rand.Text()
	got := gotten(t, tenantsecrets.Database("main"), map[string]any{
		"engine": "postgres", "host": "db.example.com", "username": "u1", "password": password, "dbname": "d1",
		"port": "5432", "ssl": "true", "masterarn": "arn:master", "dbInstanceIdentifier": "db1",
	})
	checkValue(t, &got.Password, password)
	encrypted := true
	checkEqual(t, got, tenantsecrets.DatabaseCredentials{
		Engine: "postgres", Host: "db.example.com", Username: "u1", DBName: "d1", Port: 5432, SSL: &encrypted,
		MasterARN: "arn:master", InstanceIdentifier: "db1",
	})
}

// What RDS stores of a password that it manages itself: two members and no more.
func TestDatabaseCredentialsOfRDS(t *testing.T) {
	b := secretstest.New()
	storeTagged(t, b, "prod/formbridge/t_abc123/databases/main/credentials", `{"username":"admin","password":"`+rand.Text()+`"}`, tenant)
	got, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, tenantsecrets.Database("main"))
	if err != nil {
		t.Fatal(err)
	}
	got.Password = tenantsecrets.Value{}
	checkEqual(t, got, tenantsecrets.DatabaseCredentials{Username: "admin"})
}

func keysetOf(t *testing.T) (k tenantsecrets.Keyset, materials map[string]string) {
	t.Helper()
	materials = map[string]string{"k1": rand.Text(), "k2": strings.Repeat("\x00\xff", 16)}
	return gotten(t, tenantsecrets.EncryptionKey(), map[string]any{"primary": "k2", "keys": []any{
		map[string]any{"kid": "k2", "status": "enabled", "material": base64.StdEncoding.EncodeToString([]byte(materials["k2"])), "created_at": "2026-01-02T15:04:05Z"},
		map[string]any{"kid": "k1", "status": "decrypt_only", "material": base64.RawStdEncoding.EncodeToString([]byte(materials["k1"]))},
		map[string]any{"kid": "k0", "status": "destroyed"},
	}}), materials
}

func TestMembersOfAKeyset(t *testing.T) {
	got, materials := keysetOf(t)
	checkValue(t, &got.Keys[0].Material, materials["k2"])
	checkValue(t, &got.Keys[1].Material, materials["k1"])
	checkValue(t, &got.Keys[2].Material, "")
	checkEqual(t, got, tenantsecrets.Keyset{Primary: "k2", Keys: []tenantsecrets.DataKey{
		{KID: "k2", Status: tenantsecrets.KeyEnabled, CreatedAt: day},
		{KID: "k1", Status: tenantsecrets.KeyDecryptOnly},
		{KID: "k0", Status: tenantsecrets.KeyDestroyed},
	}})
}

// A key that is destroyed, or is not there, is no key, and the error says which of the two.
func TestKeysetKey(t *testing.T) {
	k, materials := keysetOf(t)
	for _, kid := range []string{"k1", "k2", k.Primary} {
		key, err := k.Key(kid)
		if err != nil || key.KID != kid || key.Material.Reveal() != materials[kid] {
			t.Errorf("%s: error %v, or another key", kid, err)
		}
	}
	for kid, says := range map[string]string{
		"k0":     `the key "k0" is destroyed`,
		"k9":     `there is no key "k9"`,
		"":       `there is no key ""`,
		"K1":     `there is no key "K1"`,
		"k1\nk2": `there is no key "k1\nk2"`,
	} {
		key, err := k.Key(kid)
		if !errors.Is(err, tenantsecrets.ErrNoKey) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want ErrNoKey and %q", kid, err, says)
		}
		if key.KID != "" || key.Material.Reveal() != "" {
			t.Errorf("%q: there is a key all the same", kid)
		}
	}
	if _, err := (tenantsecrets.Keyset{}).Key(""); !errors.Is(err, tenantsecrets.ErrNoKey) {
		t.Errorf("of the zero Keyset: %v", err)
	}
}
