package tenantsecrets

import (
	"fmt"
	"strings"
)

// Global is the name of the space beside the tenants, for secrets that belong to
// the service as a whole: prod/formbridge/global/encryption_key. Their documents
// name it as their tenant_id. It is no tenant id: of all calls, only
// [Naming.Build] takes it, and [Get] for a [Kind] that is not a destination's.
const Global = "global"

const (
	maxPart = 63  // characters of an environment, a service, a tenant id, a part of a path
	maxName = 512 // Secrets Manager API reference, CreateSecret, Name

	// Secrets Manager ends an ARN in a hyphen and six random characters, so that a
	// name which ends in the like can be read as another secret's ARN.
	arnSuffix = 6
)

// Naming says where the secrets of a service are:
//
//	{environment}/{service}/{tenant_id}/{secret_type}
//
// Environment, service and tenant id are 1 to 63 of the characters A-Z a-z 0-9 _
// and -, the first a letter or a digit. A secret type, the path, is one or more
// such parts joined by "/", as in destinations/webhook1/api_key. The full name has
// at most 512 characters and does not end in a hyphen and six characters, as an
// ARN does: a path such as app-secret is refused, and app_secret is not. Nothing is
// folded, trimmed or escaped: t_a and T_A are two tenants, and t_a has nothing that
// t_abc has.
type Naming struct {
	Environment string // "prod"
	Service     string // "formbridge"
}

// Build returns the name of a tenant's secret, or of one in the [Global] space.
// The error is ErrInvalidTenant or ErrInvalidName.
func (n Naming) Build(tenant, path string) (string, error) {
	if err := n.validate(); err != nil {
		return "", err
	}
	if tenant != Global {
		if err := ValidateTenant(tenant); err != nil {
			return "", err
		}
	}
	if err := validatePath(path); err != nil {
		return "", err
	}
	name := strings.Join([]string{n.Environment, n.Service, tenant, path}, "/")
	if len(name) > maxName {
		return "", fmt.Errorf("%w: the full name would have %d characters, and at most %d are allowed", ErrInvalidName, len(name), maxName)
	}
	if name[len(name)-arnSuffix-1] == '-' { // four parts have 7 characters at least
		return "", fmt.Errorf("%w: with secret type %s the full name would end in a hyphen and six characters, which Secrets Manager may take for the end of an ARN: choose %s",
			ErrInvalidName, quote(path), withoutARNEnd(path))
	}
	return name, nil
}

// withoutARNEnd says what to choose in place of a path whose name ends as an ARN does. The
// hyphen stands in the tenant id where the path is shorter than the end.
func withoutARNEnd(path string) string {
	i := len(path) - arnSuffix - 1
	if i < 0 {
		return "a longer one"
	}
	return "another, such as " + quote(path[:i]+"_"+path[i+1:])
}

// Parse is the inverse of [Naming.Build]. A name of another environment or
// service is refused, as is every name that Build would not have built. The
// error is ErrInvalidTenant or ErrInvalidName.
func (n Naming) Parse(name string) (tenant, path string, err error) {
	if err := n.validate(); err != nil {
		return "", "", err
	}
	rest, ok := strings.CutPrefix(name, n.Environment+"/"+n.Service+"/")
	if !ok {
		return "", "", fmt.Errorf("%w: %s is not a name in %s/%s", ErrInvalidName, quote(name), n.Environment, n.Service)
	}
	tenant, path, _ = strings.Cut(rest, "/")
	if _, err := n.Build(tenant, path); err != nil {
		return "", "", err
	}
	return tenant, path, nil
}

func (n Naming) validate() error {
	if !isPart(n.Environment) {
		return fmt.Errorf("%w: environment %s: %s", ErrInvalidName, quote(n.Environment), partRule)
	}
	if !isPart(n.Service) {
		return fmt.Errorf("%w: service %s: %s", ErrInvalidName, quote(n.Service), partRule)
	}
	return nil
}

// ValidateTenant reports whether a text is a tenant ID: 1 to 63 of the characters A-Z a-z
// 0-9 _ and -, the first a letter or a digit, and not [Global]. It does not look whether
// there is such a tenant. A router can call it before anything else is done with an ID
// that a request names. The error is ErrInvalidTenant.
func ValidateTenant(tenant string) error {
	if tenant == Global {
		return fmt.Errorf("%w: %q is the space beside the tenants", ErrInvalidTenant, tenant)
	}
	if !isPart(tenant) {
		return fmt.Errorf("%w: %s: %s", ErrInvalidTenant, quote(tenant), partRule)
	}
	return nil
}

func validatePath(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if !isPart(part) {
			return fmt.Errorf("%w: secret type %s: %s", ErrInvalidName, quote(path), partRule)
		}
	}
	return nil
}

// secretType is the last element of a path, the value of the SecretType tag.
func secretType(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

const partRule = "each part has 1 to 63 of A-Z a-z 0-9 _ and -, the first a letter or a digit"

func isPart(s string) bool {
	if len(s) == 0 || len(s) > maxPart || !isAlphanumeric(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isAlphanumeric(s[i]) && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// quote shows what a caller sent, escaped and cut, so that it can neither forge
// a line in a log nor fill it.
func quote(s string) string {
	if len(s) > 2*maxPart {
		return fmt.Sprintf("%+q...", s[:2*maxPart])
	}
	return fmt.Sprintf("%+q", s)
}
