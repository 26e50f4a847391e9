resource "google_redis_instance" "popups" {
  name                    = "popups"
  tier                    = var.highly_available ? "STANDARD_HA" : "BASIC"
  memory_size_gb          = 1
  redis_version           = "REDIS_7_2"
  authorized_network      = google_compute_network.popups.id
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"

  # A full cache forgets what nobody asks for, instead of refusing what is new.
  redis_configs = {
    maxmemory-policy = "allkeys-lru"
  }

  depends_on = [google_service_networking_connection.managed]
}

locals {
  # The authority in redis_ca signs this instance's certificate and no other's, so that its name need not be checked too.
  redis_url = join("", [
    "rediss://:", google_redis_instance.popups.auth_string, "@",
    google_redis_instance.popups.host, ":", google_redis_instance.popups.port, "/0?ssl_check_hostname=false",
  ])
  redis_ca = join("\n", google_redis_instance.popups.server_ca_certs[*].cert)
}
