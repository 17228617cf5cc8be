package tenantsecrets_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/formbridge/tenantsecrets"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct{ tenant, path, name string }{
		{"t_abc123", "hmac_key", "prod/formbridge/t_abc123/hmac_key"},
		{"t_abc123", "destinations/webhook1/api_key", "prod/formbridge/t_abc123/destinations/webhook1/api_key"},
		{tenantsecrets.Global, "encryption_key", "prod/formbridge/global/encryption_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, err := naming.Build(tt.tenant, tt.path)
			if err != nil || name != tt.name {
				t.Errorf("Build is %q, %v", name, err)
			}
			tenant, path, err := naming.Parse(tt.name)
			if err != nil || tenant != tt.tenant || path != tt.path {
				t.Errorf("Parse is %q, %q, %v", tenant, path, err)
			}
		})
	}
}

// The rules once more, in another way than the code has them.
var (
	partPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}(/[A-Za-z0-9][A-Za-z0-9_-]{0,62}){3,}$`)
	endsLikeARN  = regexp.MustCompile(`-.{6}$`)
	longestPart  = strings.Repeat("a", 63)
	validParts   = rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{0,12}`), rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{60,62}`))
	invalidParts = rapid.SampledFrom(badParts).AsAny()
)

func isName(s string) bool {
	return len(s) <= 512 && namePattern.MatchString(s) && !endsLikeARN.MatchString(s)
}

// parts are names' parts: valid, nearly valid, or anything.
var parts = rapid.Custom(func(t *rapid.T) string {
	switch rapid.IntRange(0, 9).Draw(t, "quality") {
	case 0:
		return invalidParts.Draw(t, "bad").(badPart).text
	case 1:
		return rapid.String().Draw(t, "any")
	case 2:
		return altered(t, validParts.Draw(t, "part"))
	default:
		return validParts.Draw(t, "part")
	}
})

// altered changes, adds or drops one character of a text.
func altered(t *rapid.T, text string) string {
	at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
	dropped := rapid.IntRange(0, 1).Draw(t, "dropped")
	added := rapid.SampledFrom([]string{"", "/", "//", "-", "_", ".", "..", "*", " ", "\n", "\x00", "\u0430", "-abcdef", "Z"}).Draw(t, "added")
	return text[:at] + added + text[at+dropped:]
}

var namings = rapid.Custom(func(t *rapid.T) tenantsecrets.Naming {
	return tenantsecrets.Naming{Environment: validParts.Draw(t, "environment"), Service: validParts.Draw(t, "service")}
})

func TestBuildThenParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := tenantsecrets.Naming{Environment: parts.Draw(t, "environment"), Service: parts.Draw(t, "service")}
		tenant := rapid.OneOf(parts, rapid.Just(tenantsecrets.Global)).Draw(t, "tenant")
		path := strings.Join(rapid.SliceOfN(parts, 1, 7).Draw(t, "path"), "/")

		name, err := n.Build(tenant, path)

		valid := partPattern.MatchString(n.Environment) && partPattern.MatchString(n.Service) && partPattern.MatchString(tenant)
		want := strings.Join([]string{n.Environment, n.Service, tenant, path}, "/")
		if !valid || !isName(want) {
			checkNameRefused(t, err)
			return
		}
		if err != nil || name != want {
			t.Fatalf("Build is %q, %v", name, err)
		}
		gotTenant, gotPath, err := n.Parse(name)
		if err != nil || gotTenant != tenant || gotPath != path {
			t.Fatalf("Parse is %q, %q, %v", gotTenant, gotPath, err)
		}
	})
}

func TestParseThenBuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := namings.Draw(t, "naming")
		prefix := n.Environment + "/" + n.Service + "/"
		name := prefix + strings.Join(rapid.SliceOfN(parts, 1, 8).Draw(t, "rest"), "/")
		if rapid.Bool().Draw(t, "alter") {
			name = altered(t, name)
		}

		tenant, path, err := n.Parse(name)

		if !isName(name) || !strings.HasPrefix(name, prefix) {
			checkNameRefused(t, err)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if built, err := n.Build(tenant, path); err != nil || built != name {
			t.Fatalf("Build is %q, %v", built, err)
		}
	})
}

func checkNameRefused(t *rapid.T, err error) {
	t.Helper()
	if !errors.Is(err, tenantsecrets.ErrInvalidName) && !errors.Is(err, tenantsecrets.ErrInvalidTenant) {
		t.Fatalf("the error is %v", err)
	}
}

func TestLengths(t *testing.T) {
	long := tenantsecrets.Naming{Environment: longestPart, Service: longestPart}
	head := 3*len(longestPart+"/") + 4*len(longestPart+"/")
	path := func(length int) string {
		return strings.Repeat(longestPart+"/", 4) + strings.Repeat("b", length-head-2) + "/b"
	}
	for _, tt := range []struct {
		what, path string
		length     int // 0: refused
	}{
		{"512 characters", path(512), 512},
		{"513 characters", path(513), 0},
		{"a part of 63 characters", longestPart, 4*63 + 3},
		{"a part of 64 characters", longestPart + "b", 0},
	} {
		t.Run(tt.what, func(t *testing.T) {
			name, err := long.Build(longestPart, tt.path)
			if len(name) != tt.length || (err == nil) != (tt.length > 0) {
				t.Fatalf("Build has %d characters, %v", len(name), err)
			}
			if err != nil && !errors.Is(err, tenantsecrets.ErrInvalidName) {
				t.Error(err)
			}
		})
	}
}

// Secrets Manager would read a name with such an end as an ARN without its own.
func TestNamesThatEndLikeAnARN(t *testing.T) {
	for _, tt := range []struct {
		tenant, path string
		valid        bool
	}{
		{"t_a", "api-secret", false},
		{"t_a", "a-bcdefg", false},
		{"t_a", "a-bcdef", true},
		{"t_a", "a-bcdefgh", true},
		{"t_a", "a-b-cdefg", true},
		{"t_a", "destinations/w-abcdef", false},
		{"t_a", "w-abcdef/api_key", true},
		{"t_a", "a-/bcdef", false}, // a slash is one of the six
		{"t-a", "tls", true},
		{"t-ab", "tls", false}, // so the end may begin in the tenant id
		{"t-abcdef", "hmac_key", true},
		{"a", "b", true},
	} {
		t.Run(tt.tenant+" "+tt.path, func(t *testing.T) {
			name, err := naming.Build(tt.tenant, tt.path)
			if tt.valid && err != nil || !tt.valid && !errors.Is(err, tenantsecrets.ErrInvalidName) {
				t.Errorf("Build is %q, %v", name, err)
			}
			if !tt.valid && !strings.Contains(err.Error(), "a hyphen and six characters") {
				t.Errorf("%q does not say why", err)
			}
			_, _, parsed := naming.Parse("prod/formbridge/" + tt.tenant + "/" + tt.path)
			if tt.valid && parsed != nil || !tt.valid && (!errors.Is(parsed, tenantsecrets.ErrInvalidName) || parsed.Error() != err.Error()) {
				t.Errorf("Parse: %v, Build: %v", parsed, err)
			}
		})
	}
	for path, instead := range map[string]string{"app-secret": `such as "app_secret"`, "a-/bcdef": `such as "a_/bcdef"`, "tls": "choose a longer one"} {
		if _, err := naming.Build("t-ab", path); err == nil || !strings.HasSuffix(err.Error(), instead) {
			t.Errorf("%s: %v does not end in %q", path, err, instead)
		}
	}
	shortest := tenantsecrets.Naming{Environment: "a", Service: "b"}
	if name, err := shortest.Build("c", "d"); err != nil || name != "a/b/c/d" {
		t.Errorf("Build is %q, %v", name, err)
	}
	begins := tenantsecrets.Naming{Environment: "a-", Service: "b"}
	if name, err := begins.Build("c", "d"); !errors.Is(err, tenantsecrets.ErrInvalidName) {
		t.Errorf("Build is %q, %v", name, err)
	}
}

func TestEveryByteInAPart(t *testing.T) {
	const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for b := range 256 {
		for part, allowed := range map[string]string{
			string([]byte{byte(b)}) + "x": alphanumeric,
			"x" + string([]byte{byte(b)}): alphanumeric + "_-",
		} {
			want := strings.IndexByte(allowed, byte(b)) >= 0
			_, err := naming.Build(part, "hmac_key")
			if (err == nil) != want || err != nil && !errors.Is(err, tenantsecrets.ErrInvalidTenant) {
				t.Errorf("tenant %q: %v", part, err)
			}
		}
	}
}

func TestParseKeepsToItsNaming(t *testing.T) {
	for _, name := range []string{
		"",
		"/",
		"prod",
		"prod/formbridge",
		"prod/formbridge/",
		"prod/formbridge/t_abc123",
		"prod/formbridge/t_abc123/",
		"prod/formbridge//hmac_key",
		"/prod/formbridge/t_abc123/hmac_key",
		"prod/formbridge/t_abc123/hmac_key/",
		"dev/formbridge/t_abc123/hmac_key",
		"Prod/formbridge/t_abc123/hmac_key",
		"prod/Formbridge/t_abc123/hmac_key",
		"prod/formbridge2/t_abc123/hmac_key",
		"production/formbridge/t_abc123/hmac_key",
		"arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/formbridge/t_abc123/hmac_key-AbCdEf",
	} {
		t.Run(name, func(t *testing.T) {
			tenant, path, err := naming.Parse(name)
			if !errors.Is(err, tenantsecrets.ErrInvalidName) && !errors.Is(err, tenantsecrets.ErrInvalidTenant) {
				t.Errorf("Parse is %q, %q, %v", tenant, path, err)
			}
			if tenant != "" || path != "" {
				t.Error("Parse returns a part of what it refuses")
			}
		})
	}
}

func TestBuildFoldsNothing(t *testing.T) {
	names := map[string]bool{}
	tenants := []string{"t_a", "T_A", "t_A", "T_a", "t-a", "ta", "t_a_", "t_a-", "global_", "Global", "GLOBAL"}
	for _, tenant := range tenants {
		name, err := naming.Build(tenant, "hmac_key")
		if err != nil {
			t.Error(err)
		}
		names[name] = true
	}
	if len(names) != len(tenants) {
		t.Errorf("%d tenants have %d names", len(tenants), len(names))
	}
}
