// Package provision creates and changes the secrets of every kind that a service's
// tenants have, for the one process that may: a reader of them holds no such right.
//
//	p, err := provision.New(client, secretsmanager.NewFromConfig(cfg))
//	shop := tenantsecrets.DestinationAPIKey("webhook1")
//	_, err = provision.Create(ctx, p, "t_abc123", shop, tenantsecrets.APIKey{Key: key, Scheme: "Bearer"})
//
//	entry, err := provision.Read(ctx, p, "t_abc123", shop)
//	entry.Value.Key = newKey
//	_, err = provision.Put(ctx, p, "t_abc123", shop, entry.VersionID, entry.Value)
//
// [Put] takes the version that the change was based on. Where another process has
// written in the meantime it changes nothing and the error is ErrConflict: read again.
// What a document has beside the members of its kind survives.
//
// What is replaced is gone from the document: a key that is still to be used for a while
// belongs into Previous. In this process the next Get reads what was written.
//
// HMAC secrets are made here ([Provisioner.CreateHMACKey]) and by
// [tenantsecrets.Client.CreateTenant], and changed by package rotation alone.
//
// # Permissions
//
// Besides those of a reader, secretsmanager:CreateSecret, TagResource and PutSecretValue
// on the secrets, and ListSecrets, which has no resource, for
// [Provisioner.Destinations].
package provision
