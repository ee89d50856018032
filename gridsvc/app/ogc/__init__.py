"""OGC API - Features over the layers of the map: what GDAL, QGIS and other systems read, and pages to browse it."""
