# Vault Agent or OpenBao Agent on the gate; see nginx.conf for what it renders.
#
#     vault agent -config=/etc/vault-agent.d/gate.hcl      (or "bao agent")
#
# It has to run as root, or as a user of the group www-data: the files are for
# root and that group.  A template whose secret cannot be read, or has not the
# field, renders nothing: the file that is there stays, and so does the table.

vault {
  address = "https://vault.internal:8200"
}

auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "/etc/vault-agent.d/role-id"
      secret_id_file_path                 = "/etc/vault-agent.d/secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
}

template_config {
  static_secret_render_interval = "1m"
  exit_on_retry_failure         = false
}

# the KEK file: lines "id base64", the newest first
template {
  contents             = "{{ with secret \"secret/data/gate\" }}{{ .Data.data.keks }}{{ end }}"
  destination          = "/etc/nginx/secrets/keks"
  group                = "www-data"
  perms                = "0640"
  error_on_missing_key = true
}

# the key file in its envelope
template {
  contents             = "{{ with secret \"secret/data/gate\" }}{{ .Data.data.keys }}{{ end }}"
  destination          = "/etc/nginx/secrets/keys.jwe"
  group                = "www-data"
  perms                = "0640"
  error_on_missing_key = true
}
