# The storefront script and the console. `deploy.sh prepare` lets everybody read it, storefront sets CORS.
resource "google_storage_bucket" "files" {
  name                        = "${var.project}-popups-files"
  location                    = var.region
  uniform_bucket_level_access = true

  lifecycle {
    ignore_changes = [cors]
  }
}
