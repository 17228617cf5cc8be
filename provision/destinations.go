package provision

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

// Destination is one of a tenant's, by the secrets that it has.
type Destination struct {
	Name        string   // "webhook1"
	SecretTypes []string // "api_key", "hmac_key": the rest of the secrets' paths, sorted
}

// Destinations lists the destinations that a tenant has secrets for, by name; databases and
// other kinds are not among them. It costs a ListSecrets for
// each hundred secrets of the tenant's destinations; the list may lag five minutes
// behind, and does not show what is scheduled for deletion. The error is a
// *tenantsecrets.Error.
func (p *Provisioner) Destinations(ctx context.Context, tenant string) ([]Destination, error) {
	s, err := p.secret(tenant, destinations+"any/any") // to refuse what is no tenant
	if err != nil {
		return nil, failed("Destinations", writer.Secret{Tenant: tenant}, err)
	}
	types, err := p.list(ctx, s)
	if err != nil {
		return nil, failed("Destinations", writer.Secret{Tenant: tenant}, p.writer.ExplainRead(ctx, err))
	}
	var list []Destination
	for _, name := range slices.Sorted(maps.Keys(types)) {
		slices.Sort(types[name])
		list = append(list, Destination{name, types[name]})
	}
	return list, nil
}

// list returns the secret types of each destination. A filter matches prefixes, with
// which t_a has what t_abc has: every name is compared as a whole.
func (p *Provisioner) list(ctx context.Context, s writer.Secret) (map[string][]string, error) {
	prefix := strings.TrimSuffix(s.Name, "any/any")
	in := &secretsmanager.ListSecretsInput{
		Filters:    []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{prefix}}},
		MaxResults: aws.Int32(100),
	}
	found := map[string][]string{}
	for {
		out, err := writer.Request(ctx, p.writer, func(ctx context.Context) (*secretsmanager.ListSecretsOutput, error) {
			return p.api.ListSecrets(ctx, in, answer.Limit(answer.ManySecrets))
		})
		if err == nil {
			err = p.writer.Listed(out.SecretList)
		}
		if err != nil {
			return nil, err
		}
		for _, entry := range out.SecretList {
			tenant, path, err := p.naming.Parse(aws.ToString(entry.Name))
			rest, ok := strings.CutPrefix(path, destinations)
			name, secretType, complete := strings.Cut(rest, "/")
			if err == nil && ok && complete && tenant == s.Tenant {
				found[name] = append(found[name], secretType)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return found, nil
		}
		in.NextToken = out.NextToken
	}
}
